//! `alces store user`: who may log in.

use std::{
    io::{BufRead as _, IsTerminal as _, Read as _, stdin},
    path::Path,
};

use alces_store::{Users, generated_password};
use anyhow::bail;

use super::args::UserCommand;

pub(super) fn run(command: UserCommand, folder: &Path) -> anyhow::Result<()> {
    match command {
        UserCommand::Add { name, role, generate } => {
            let (password, made) = if generate { (generated_password()?, true) } else { read(&name)? };
            Users::change(folder, |users| users.set(&name, &password, role))?;
            if made {
                println!("{password}");
                eprintln!("This is the password of `{name}`; it is shown this once.");
            }
            eprintln!("`{name}` can log in; from now on every request to this store needs a login.");
        }
        UserCommand::Ls => {
            for (name, roles) in Users::load(folder)?.unwrap_or_default().list() {
                let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
                println!("{name}\t{}", roles.join(","));
            }
        }
        UserCommand::Rm { name } => {
            if !Users::load(folder)?.is_some_and(|users| users.has(&name)) {
                bail!("there is no user `{name}` in {}", Users::path(folder).display());
            }
            let empty = Users::change(folder, |users| {
                users.remove(&name);
                Ok(users.is_empty())
            })?;
            if empty {
                eprintln!(
                    "Nobody can log in any more. To go without a login, stop the store and remove {}.",
                    Users::path(folder).display()
                );
            }
        }
    }
    Ok(())
}

/// From the terminal without an echo, or a line of standard input; and whether it was made, which is done where nothing is typed.
fn read(name: &str) -> anyhow::Result<(String, bool)> {
    if stdin().is_terminal() {
        let typed = rpassword::prompt_password(format!("Password for {name} (nothing: make one): "))?;
        if typed.is_empty() {
            return Ok((generated_password()?, true));
        }
        if rpassword::prompt_password("Again: ")? != typed {
            bail!("the two differ");
        }
        return Ok((typed, false));
    }
    let mut line = String::new();
    stdin().lock().take(4096).read_line(&mut line)?;
    Ok((line.trim_end_matches(['\n', '\r']).to_owned(), false))
}
