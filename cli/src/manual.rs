//! `tessera completions` and `tessera man`: what shells and `man` know of the command line, generated from its definition. Knows no
//! command by name.

use std::io;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::{Arguments, CompletionsArguments, ManArguments};
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};

pub fn completions(arguments: &CompletionsArguments) -> Result<Outcome, Failure> {
    console::print(format_args!("{}", script(arguments.shell).trim_end()));
    Ok(Outcome::Done)
}

pub fn man(arguments: &ManArguments) -> Result<Outcome, Failure> {
    let Some(folder) = &arguments.folder else {
        console::print(format_args!("{}", page(program()).or_exit(Exit::Output)?.trim_end()));
        return Ok(Outcome::Done);
    };
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string()).or_exit(Exit::Output)?;
    for command in commands() {
        let path = folder.join(format!("{}.1", title(&command)));
        let page = page(command).or_exit(Exit::Output)?;
        std::fs::write(&path, page).with_context(|| path.display().to_string()).or_exit(Exit::Output)?;
    }
    Ok(Outcome::Done)
}

/// What a shell reads to complete this command line.
fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "tessera", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The program, its commands built. `help` has no page: `man` is it.
fn program() -> Command {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    program
}

/// The program, then each of its commands.
fn commands() -> Vec<Command> {
    let program = program();
    let subcommands: Vec<_> = program.get_subcommands().cloned().collect();
    std::iter::once(program).chain(subcommands).collect()
}

/// A page's name, such as `tessera-render`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// A command's page in roff.
fn page(command: Command) -> io::Result<String> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    fn names() -> Vec<String> {
        Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
    }

    #[test]
    fn every_shell_completes_every_command() {
        assert!(names().contains(&"render".to_owned()));
        for shell in Shell::value_variants() {
            let script = script(*shell);
            let words: Vec<&str> = script.split(|symbol: char| !symbol.is_alphanumeric()).collect();
            for name in names() {
                assert!(words.contains(&name.as_str()), "{shell} does not complete {name}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page_of_its_own() {
        let titles: Vec<String> = commands().iter().map(title).collect();
        let wanted = names().into_iter().map(|name| format!("tessera-{name}"));
        assert_eq!(titles, std::iter::once("tessera".to_owned()).chain(wanted).collect::<Vec<_>>());
        for command in commands() {
            let (name, about) = (title(&command), command.get_about().unwrap().to_string());
            let page = page(command).unwrap().replace("\\-", "-").replace("\\*(Aq", "'");
            assert!(page.contains(&format!("{name} - {about}")), "{name}: {page}");
        }
    }
}
