//! Does `smolsock lab` show what it says?

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::captures;
use super::process::{Folder, SMOLSOCK, run};
use super::space::is_of_a_user;
use super::tools::{pass_over, talked};

pub fn a_page_through_a_lossy_cable() {
    let folder = Folder::new("lab");
    let capture = folder.at("lab.pcapng");
    let lab = run(SMOLSOCK, &["lab", "--loss", "5%", "--delay", "5ms", "--seed", "7", "--pcap", &capture]).succeeded();
    let text = lab.said("loses 5% and delays 5ms each way").said("Hello from a TCP of its own").said(" lost").text();
    assert_eq!(text.matches(", as they were sent").count(), 2, "{text}");
    let frames = captures::check(Path::new(&capture));
    assert!(frames.iter().any(|frame| frame.says("[sim] DROP") && frame.has_drop_verdict), "no loss in the capture");
    talked("curl");
}

pub fn reverse() {
    let folder = Folder::new("reverse");
    let capture = folder.at("lab.pcapng");
    let lab = run(SMOLSOCK, &["lab", "--reverse", "--pcap", &capture]).succeeded();
    let text = lab.said("smolsock GET http://192.0.2.1:8080/256KiB").text();
    assert_eq!(text.matches(", as they were sent").count(), 2, "{text}");
}

pub fn command() {
    let folder = Folder::new("command");
    std::fs::write(folder.at("hello.txt"), "hello from a folder").expect("a file");
    let capture = folder.at("lab.pcapng");
    let lab = ["lab", "--root", &folder.at(""), "--pcap", &capture, "--delay", "1ms", "--"];
    let script = "curl -s http://$SMOLSOCK_IP/hello.txt; exit 7";
    run(SMOLSOCK, &[&lab, &["sh", "-c", script][..]].concat()).ended_with(7).said("hello from a folder");
    run(SMOLSOCK, &[&lab, &["no-such-program"][..]].concat()).ended_with(2).said("cannot run no-such-program");
}

/// As root: becomes nobody, with a /dev/net/tun that is open to everybody, as most systems have it. In a mount namespace of
/// its own, which nobody else sees.
const AS_NOBODY: &str = r#"
folder=$1
mknod "$1/tun" c 10 200 && chmod 666 "$1/tun" && mount --bind "$1/tun" /dev/net/tun || { echo cannot arrange; exit 0; }
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/ TMPDIR="$folder" "$folder/smolsock" "$@"; }
echo -- in a lab
nobody lab --delay 2ms --loss 0% || exit 1
echo -- without an interface
nobody tap up tap0 --ip=192.0.2.1/24 && exit 1
echo -- with one
"$1/smolsock" tap up tap0 --ip 192.0.2.1/24 --user 65534 || exit 1
nobody ping 192.0.2.1 --ip=192.0.2.2/24 --count=1 || exit 1
"$1/smolsock" tap down tap0
"#;

pub fn no_root() {
    if is_of_a_user() {
        // Then all the other cases show it.
        return;
    }
    let folder = Folder::new("nobody");
    std::fs::copy(SMOLSOCK, folder.at("smolsock")).expect("a file that everybody can run");
    std::fs::set_permissions(folder.at(""), Permissions::from_mode(0o777)).expect("its owner");
    let nobody = run("unshare", &["--mount", "sh", "-c", AS_NOBODY, "sh", &folder.at("")]).succeeded();
    let text = nobody.text();
    if text.contains("cannot arrange") {
        return pass_over("no right to make a /dev/net/tun for a user without rights");
    }
    assert_eq!(text.matches(", as they were sent").count(), 2, "{text}");
    assert!(text.contains("sudo ip tuntap add dev tap0 mode tap\nsudo ip addr add 192.0.2.1/24 dev tap0\n"), "{text}");
    assert!(text.contains("1 answered"), "{text}");
    talked("curl");
}
