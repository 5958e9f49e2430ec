//! `alces test`: golden cases of pipelines.

use std::process::ExitCode;

use alces_golden::{Suite, suites};

use crate::{cli::TestArgs, roles::Environment};

/// Exit code where a pipeline or a case is broken.
const BROKEN: u8 = 2;

/// How many differences of a case are shown.
const SHOWN: usize = 20;

pub(crate) fn run(args: &TestArgs, env: Environment) -> ExitCode {
    let (mut cases, mut failed, mut updated) = (0, 0, 0);
    for path in &args.pipelines {
        let found = match suites(path) {
            Ok(found) if found.is_empty() => {
                eprintln!(
                    "{}: no pipeline in this folder has cases; `alces test --help` says where they lie",
                    path.display()
                );
                return ExitCode::from(BROKEN);
            }
            Ok(found) => found,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(BROKEN);
            }
        };
        for suite in found {
            println!("{}", suite.pipeline.display());
            for case in &suite.cases {
                cases += 1;
                match one(&suite, case, args, env) {
                    Ok(Done::Fine) => {}
                    Ok(Done::Updated) => updated += 1,
                    Ok(Done::Differs) => failed += 1,
                    Err(error) => {
                        eprintln!("{error}");
                        return ExitCode::from(BROKEN);
                    }
                }
            }
        }
    }
    println!(
        "{cases} cases, {failed} differ{}",
        if updated > 0 { format!(", {updated} updated") } else { String::new() }
    );
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

enum Done {
    Fine,
    Updated,
    Differs,
}

fn one(
    suite: &Suite,
    case: &std::path::Path,
    args: &TestArgs,
    env: Environment,
) -> Result<Done, alces_golden::GoldenError> {
    let outcome = suite.run(case, &env, args.ecs.into(), args.update)?;
    let name = case.file_name().unwrap_or_default().to_string_lossy();
    let (done, word) = match (outcome.updated, outcome.differences.is_empty()) {
        (true, _) => (Done::Updated, "updated".to_owned()),
        (false, true) => (Done::Fine, "ok".to_owned()),
        (false, false) => (Done::Differs, format!("{} differences", outcome.differences.len())),
    };
    println!("  {name:<32} {:>5} events  {word}", outcome.events);
    for difference in outcome.differences.iter().take(SHOWN) {
        println!("    {difference}");
    }
    if outcome.differences.len() > SHOWN {
        println!("    … and {} more", outcome.differences.len() - SHOWN);
    }
    Ok(done)
}
