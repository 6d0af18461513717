//! Does Wireshark take the profile that comes with the project?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{play, tshark, write};

/// Runs `tshark` with the profile on a capture of the tour; what it printed, and what it complained about.
fn with_profile(file: &Path, arguments: &[&str]) -> (String, String) {
    let config = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wireshark");
    let profile = config.join("profiles/smolsock");
    fs::create_dir_all(&profile).expect("a writable directory");
    for part in ["colorfilters", "preferences"] {
        fs::copy(source().join(part), profile.join(part)).expect("a copy");
    }
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", &config).args(["-C", "smolsock", "-r"]).arg(file).args(arguments);
    let output = command.output().expect("tshark runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{arguments:?}: {err}");
    (out, err.lines().filter(|line| !line.contains("user \"root\"")).collect())
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sim/wireshark/smolsock")
}

#[test]
fn wireshark_takes_the_profile_and_shows_what_the_network_did() {
    if !tshark::is_there("captures::profile::wireshark_takes_the_profile_and_shows_what_the_network_did") {
        return;
    }
    let run = play("tour");
    let file = &write(&run.trace, &run.vantages[..1], "tour-profile")[0];
    let (table, complaints) = with_profile(file, &[]);
    assert_eq!(complaints, "");
    let lost: Vec<&str> = table.lines().filter(|line| line.contains("[sim] DROP link=ab n=6 why=scripted")).collect();
    assert_eq!(lost.len(), 1, "the tour loses one frame: {table}");

    let filters = fs::read_to_string(source().join("colorfilters")).expect("it is there");
    let rules: Vec<&str> = filters.lines().filter(|line| line.starts_with('@')).collect();
    assert!(rules.len() > 3);
    for (place, rule) in rules.iter().enumerate() {
        // @name@filter@[background][foreground]
        let parts: Vec<&str> = rule.split('@').collect();
        let [_, _, filter, colours] = parts[..] else { panic!("{rule}") };
        assert_eq!(colours.matches(',').count(), 4, "{rule}");
        let found = with_profile(file, &["-Y", filter]).0;
        // The first rule is for frames that were lost.
        assert!(place != 0 || found.lines().count() == 1, "{found}");
    }
}
