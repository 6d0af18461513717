//! What does the cable do in one direction, where that is another thing?

use clap::{Args as _, FromArgMatches as _};

use super::net::CableArgs;
use smolsock_sim::link::Impairments;

/// Reads `loss=5%,delay=30ms`: the options of the command line, each for one direction; what is not named is as in `both`.
///
/// # Errors
/// What is wrong, with the key and what is allowed.
pub(super) fn read(both: &CableArgs, list: &str) -> Result<Impairments, String> {
    let mut args = vec!["smolsock".to_owned()];
    for item in list.split(',') {
        let (key, value) = item.split_once('=').ok_or_else(|| format!("{item:?} is no KEY=VALUE as in loss=5%"))?;
        if key == "seed" {
            return Err("seed: there is one seed for both directions, --seed".to_owned());
        }
        args.push(format!("--{key}={value}"));
    }
    let command = CableArgs::augment_args(clap::Command::new("smolsock").no_binary_name(false).disable_help_flag(true));
    let matches = command.try_get_matches_from(args).map_err(|error| sentence(&error, list))?;
    let mut cable = both.clone();
    cable.update_from_arg_matches(&matches).map_err(|error| sentence(&error, list))?;
    Ok(cable.impairments())
}

fn sentence(error: &clap::Error, list: &str) -> String {
    let text = super::one_sentence(&error.render().to_string(), "smolsock link --help");
    format!("{list:?}: {text}")
}
