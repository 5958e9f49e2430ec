//! `alces keystore`: secrets for `${NAME}` in pipelines.

use std::{
    io::{BufRead as _, IsTerminal as _, stdin},
    path::{Path, PathBuf},
};

use alces_keystore::{Keystore, KeystoreError};
use anyhow::bail;

use crate::{
    cli::{KeystoreArgs, KeystoreCommand},
    roles::Environment,
};

/// The file's name in a settings folder.
pub(crate) const FILE: &str = "alces.keystore";

fn password(env: Environment) -> String {
    env("ALCES_KEYSTORE_PASS").unwrap_or_default()
}

/// The keystore that was named, or the one that lies in the settings folder.
pub(crate) fn find(
    named: Option<&Path>,
    settings: Option<&Path>,
    env: Environment,
) -> Result<Option<Keystore>, KeystoreError> {
    let path = match (named, settings.map(|folder| folder.join(FILE))) {
        (Some(path), _) => path.to_owned(),
        (None, Some(path)) if path.exists() => path,
        _ => return Ok(None),
    };
    Keystore::open(&path, &password(env)).map(Some)
}

pub(crate) fn run(args: KeystoreArgs, env: Environment) -> anyhow::Result<()> {
    let path = args.keystore.unwrap_or_else(|| PathBuf::from(FILE));
    let (path, password) = (path.as_path(), password(env));
    match args.command {
        KeystoreCommand::Create => {
            Keystore::create(path, &password)?;
            eprintln!("{}: made", path.display());
            if password.is_empty() {
                eprintln!(
                    "It has no password: its permissions alone protect it. Set ALCES_KEYSTORE_PASS before `create` for one."
                );
            }
        }
        KeystoreCommand::Add { names, stdin, force } => {
            // Asked for before the file is locked.
            let mut secrets = Vec::new();
            for name in names {
                let secret = read_secret(&name, stdin)?;
                secrets.push((name, secret));
            }
            Keystore::change(path, &password, |keystore| {
                for (name, secret) in &secrets {
                    if keystore.get(name).is_some() && !force {
                        return Ok(Some(name.clone()));
                    }
                    keystore.set(name, secret)?;
                }
                Ok(None)
            })?
            .map_or(Ok(()), |name| bail!("`{name}` is there already: --force replaces it"))?;
        }
        KeystoreCommand::List => {
            Keystore::open(path, &password)?.names().for_each(|name| println!("{name}"));
        }
        KeystoreCommand::Remove { names } => {
            let missing = Keystore::change(path, &password, |keystore| {
                Ok(names.into_iter().filter(|name| !keystore.remove(name)).collect::<Vec<_>>())
            })?;
            if let Some(name) = missing.first() {
                bail!("`{name}` is not in this keystore");
            }
        }
    }
    Ok(())
}

/// From the terminal without an echo, or a line of standard input.
fn read_secret(name: &str, from_stdin: bool) -> anyhow::Result<String> {
    let secret = if from_stdin || !stdin().is_terminal() {
        let mut line = String::new();
        stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\n', '\r']).to_owned()
    } else {
        rpassword::prompt_password(format!("Secret for {name}: "))?
    };
    if secret.is_empty() {
        bail!("the secret for `{name}` is empty");
    }
    Ok(secret)
}
