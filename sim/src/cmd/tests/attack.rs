//! Does `smolsock attack` say what the attacks achieve?

use super::{refused, smolsock};

#[test]
fn attacks_are_listed_and_others_are_refused() {
    let (code, out, err) = smolsock(&["attack", "--list"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.lines().any(|line| line.starts_with("syn-flood ")), "{out}");
    assert!(refused(&["attack", "nonsense"]).contains("no attack is called nonsense"));
    assert!(refused(&["attack", "--scale", "0"]).contains("a part of the full load"));
    assert!(refused(&["attack", "--check", "/nowhere/README.md"]).contains("/nowhere/README.md"));
}

#[test]
fn an_attack_is_a_row_of_a_table_or_an_object() {
    let (code, out, err) = smolsock(&["attack", "blind-syn", "--scale", "0.0001"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("| `blind-syn` | 100 guesses"), "{out}");
    let (code, out, _) = smolsock(&["attack", "blind-syn", "--scale", "0.0001", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&out).expect("one document");
    assert_eq!(
        (code, rows[0]["name"].as_str(), rows[0]["missed"].as_array().map(Vec::len)),
        (0, Some("blind-syn"), Some(0))
    );
}

#[test]
fn captures_of_an_attack_are_written_for_each_host() {
    let dir = std::env::temp_dir().join(format!("smolsock-attack-{}", std::process::id()));
    let text = dir.to_str().expect("text");
    let (code, _, err) = smolsock(&["attack", "icmp-errors", "--scale", "0.0001", "--out", text]);
    assert_eq!(code, 0, "{err}");
    for host in ["server", "client", "attacker"] {
        assert!(dir.join("icmp-errors").join(format!("{host}.pcapng")).is_file(), "{host}: {err}");
    }
    std::fs::remove_dir_all(&dir).expect("it was made");
}
