//! Settings that match, and one thing at a time that does not.

use proptest::prelude::*;

use super::*;
use crate::config::Severity;

const GOOD: &str = "\
busparams               1.0.0
key                     1.2.3.4
debugtype               NET
hostip                  10.0.0.2
port                    50000
dhcp                    Yes
The operation completed successfully.
";

fn net(port: u16, key: &str, target: Option<&str>) -> Net {
    Net {
        port,
        key: key.parse().unwrap(),
        target: target.map(str::to_owned),
        files: None,
    }
}

/// What is found in `text` by a host with two targets and two addresses.
fn found(text: &str) -> Vec<Finding> {
    found_by(text, None)
}

fn found_by(text: &str, target: Option<&str>) -> Vec<Finding> {
    let (web, db) = (net(50000, "1.2.3.4", target), net(50001, "5.6.7.8", None));
    let addresses = ["10.0.0.2", "192.168.7.2", "127.0.0.1", "2001:db8::2"];
    let addresses = addresses.map(|text| text.parse().unwrap());
    let host = Host {
        targets: &[("web01", &web), ("db01", &db)],
        addresses: &addresses,
    };
    compare(&Settings::read(text), host).1
}

/// The only thing found in the good settings with `line` instead of `instead_of`.
fn only(instead_of: &str, line: &str) -> Finding {
    let start = GOOD.find(instead_of).unwrap();
    let end = start + GOOD[start..].find('\n').unwrap();
    let text = format!("{}{line}{}", &GOOD[..start], &GOOD[end..]);
    let findings = found(&text);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings[0].clone()
}

#[track_caller]
fn assert_error(finding: &Finding, what: &str, remedy: &str) {
    assert_eq!(finding.severity, Severity::Error, "{finding}");
    assert!(finding.what.contains(what), "{finding}");
    assert!(
        finding.remedies.iter().any(|line| line.contains(remedy)),
        "{finding}"
    );
}

const REPAIR: &str = "bcdedit /dbgsettings net hostip:10.0.0.2 port:50000 key:<the key of web01>";

#[test]
fn settings_that_match_are_found_to_belong_to_their_target() {
    assert_eq!(found(GOOD), []);
    assert_eq!(found(&GOOD.replace("1.2.3.4", "1.2.3.04")), []);
    let net = net(50000, "1.2.3.4", None);
    let host = Host {
        targets: &[("web01", &net)],
        addresses: &[],
    };
    assert_eq!(
        compare(&Settings::read(GOOD), host),
        (Some("web01"), Vec::new())
    );
}

#[test]
fn another_kind_of_debugging_is_told_with_the_line_for_the_network() {
    let finding = only("debugtype", "debugtype               Serial");
    assert_error(&finding, "debugtype is \"Serial\", not NET", REPAIR);
    assert_error(&only("debugtype", ""), "debugtype is missing", REPAIR);
    let off = found(&format!("debug Yes\n{GOOD}"));
    assert_eq!(off, []);
    let off = found(&format!("debug No\n{GOOD}"));
    assert_error(&off[0], "debug is No", "bcdedit /debug on");
}

#[test]
fn a_host_address_that_is_not_ours_is_told_with_the_most_likely_one_of_ours() {
    let finding = only("hostip", "hostip 192.168.7.9");
    let repair = "bcdedit /dbgsettings net hostip:192.168.7.2 port:50000 key:";
    assert_error(
        &finding,
        "192.168.7.9 is no address of this machine",
        repair,
    );
    assert!(finding.what.contains("10.0.0.2, 192.168.7.2, 2001:db8::2"));
    assert_error(
        &only("hostip", "hostip lab"),
        "\"lab\" is no address",
        REPAIR,
    );
    assert_error(&only("hostip", ""), "hostip is missing", REPAIR);
    for nowhere in ["127.0.0.1", "0.0.0.0"] {
        let finding = only("hostip", &format!("hostip {nowhere}"));
        assert_error(&finding, "leads nowhere", REPAIR);
    }
    let finding = only("hostip", "hostipv6 2001:db8::9");
    let repair = "net hostipv6:2001:db8::2 port:50000";
    assert_error(&finding, "hostipv6 2001:db8::9 is no address", repair);
    assert_eq!(
        found(
            &GOOD
                .replace("hostip  ", "hostipv6\t")
                .replace("10.0.0.2", "2001:db8::2")
        ),
        []
    );
}

#[test]
fn the_usb_controller_taken_for_an_adapter_is_recognised() {
    let finding = only("hostip", "hostip                  169.254.255.255");
    assert_error(&finding, "USB controller", "kdnet.exe /busparams");
}

#[test]
fn a_family_that_is_switched_off_here_is_told() {
    let findings = found_by(GOOD, Some("::"));
    assert_error(
        &findings[0],
        "keeps the host from hearing it",
        "take target=:: out",
    );
    assert_eq!(found_by(GOOD, Some("0.0.0.0")), []);
    assert_eq!(found_by(GOOD, Some("10.0.0.9")), []);
}

#[test]
fn a_port_that_is_another_targets_or_nobodys_is_told() {
    let finding = only("port ", "port                    50002");
    assert_error(
        &finding,
        "port is 50002, but web01 is waited for on port 50000",
        REPAIR,
    );
    assert_error(&only("port ", "port 0"), "port \"0\" is none", REPAIR);
    assert_error(
        &only("port ", ""),
        "port is missing, so that it is 5364",
        REPAIR,
    );
    let both = found(&GOOD.replace("50000", "50001"));
    assert!(
        both.iter().any(|finding| finding
            .what
            .contains("port 50001 is that of db01, but the key is that of web01")),
        "{both:#?}"
    );
    let low = found(&GOOD.replace("50000", "5000"));
    assert_eq!(low.len(), 2);
    assert!(low[1].what.contains("outside 49152-65535"), "{low:#?}");
}

#[test]
fn keys_are_compared_and_never_shown() {
    let finding = only("key", "key                     1.2.3.9abcdef");
    assert_error(&finding, "key is not the one configured for web01", REPAIR);
    assert!(!finding.to_string().contains("9abcdef"));
    assert_error(&only("key", ""), "key is missing", "as administrator");
    assert_error(&only("key", "key 1.2.3"), "a key has four parts", REPAIR);
    let masked = only("key", "key                     XXXXXX.XXXXX.XXXXX.XXXXX");
    assert_eq!(masked.severity, Severity::Warning);
    assert!(masked.what.contains("cannot be compared"));
}

#[test]
fn a_target_without_dhcp_or_with_an_odd_adapter_is_told() {
    let dhcp = only("dhcp", "dhcp                    No");
    assert_eq!(dhcp.severity, Severity::Warning);
    assert!(dhcp.what.contains("169.254"));
    let none = only("busparams", "");
    assert_eq!(none.severity, Severity::Warning);
    assert!(none.remedies[0].contains("busparams <bus"));
    let hexadecimal = only("busparams", "busparams 0.1f.6");
    assert_error(&hexadecimal, "three decimal numbers", "busparams 0.31.6");
    assert_error(
        &only("busparams", "busparams 1.0"),
        "three decimal",
        "<bus.device.function>",
    );
}

#[test]
fn text_without_settings_and_a_host_without_targets_are_told() {
    assert_error(
        &found("hello")[0],
        "none of bcdedit's settings",
        "bcdedit /dbgsettings",
    );
    let host = Host {
        targets: &[],
        addresses: &[],
    };
    let (target, findings) = compare(&Settings::read(GOOD), host);
    assert_eq!(target, None);
    assert!(findings[0].what.contains("no KDNET target is configured"));
    assert_eq!(findings.len(), 1);
}

#[test]
fn settings_of_two_machines_in_one_file_are_noticed() {
    let findings = found(&[GOOD, GOOD].concat());
    assert!(findings[0].what.contains("more than once"), "{findings:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_settings_are_judged_without_showing_what_a_terminal_would_act_on(
        values in prop::collection::vec("(\\PC|[0-9.:a-fX\u{1b}]){0,20}", 7),
    ) {
        let names = ["debugtype", "hostip", "hostipv6", "port", "key", "dhcp", "busparams"];
        let text: String = names.iter().zip(&values).map(|(name, value)| format!("{name}\t{value}\n")).collect();
        for finding in found(&text) {
            let told = finding.to_string();
            prop_assert!(!told.contains(char::from(27)));
        }
    }
}
