//! Completion scripts and manual pages.

use crate::app::App;
use crate::args::{Cli, Completions, Man};
use crate::error::{Failure, Result};
use clap::CommandFactory;

pub fn completions(app: &mut App, args: &Completions) -> Result<()> {
    clap_complete::generate(args.shell, &mut Cli::command(), "mpbtree", &mut app.out);
    Ok(())
}

pub fn man(app: &mut App, args: &Man) -> Result<()> {
    match &args.directory {
        None => clap_mangen::Man::new(Cli::command()).render(&mut app.out)?,
        Some(directory) => clap_mangen::generate_to(Cli::command(), directory)
            .map_err(|e| Failure::from(e).at(directory.display()))?,
    }
    Ok(())
}
