use std::collections::HashSet;

use crossterm::event::{KeyCode, KeyModifiers};

use super::*;

fn key(name: &str) -> Key {
    name.parse().unwrap()
}

fn changed(entries: &[(&str, &[&str])]) -> Result<KeyMap, Vec<Problem>> {
    KeyMap::with_changes(entries.iter().map(|(name, keys)| (*name, keys.iter())))
}

fn only_error(entries: &[(&str, &[&str])]) -> Error {
    let mut problems = changed(entries).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0).error
}

#[test]
fn no_key_has_two_meanings_in_one_context() {
    let mut seen = HashSet::new();
    for b in &KeyMap::default().bindings {
        assert!(
            seen.insert((b.context, b.key)),
            "{} twice in {}",
            b.key,
            b.context
        );
    }
}

#[test]
fn default_keys_are_bound_where_their_action_applies_and_nowhere_text_is_typed() {
    for b in &KeyMap::default().bindings {
        assert!(
            b.action.applies_in(b.context),
            "{} in {}",
            b.action,
            b.context
        );
        assert!(
            !(b.context.takes_text() && b.key.typed().is_some()),
            "{} in {}",
            b.key,
            b.context
        );
    }
}

#[test]
fn every_action_has_a_key_without_f_and_alt_or_is_found_in_the_palette() {
    let map = KeyMap::default();
    for row in ROWS {
        let plain =
            |b: &&Binding| b.action == row.action && !b.key.is_function_key() && !b.key.needs_alt();
        let has_any = map.bindings.iter().any(|b| b.action == row.action);
        let has_plain = map.bindings.iter().any(|b| plain(&b));
        // What gives a debugger's command can be typed as well.
        let typed = row.action.debugger_line().is_some();
        assert!(
            has_plain || ((!has_any || typed) && row.action.in_palette()),
            "{}",
            row.name
        );
    }
}

#[test]
fn default_keys_leave_free_what_terminals_readline_and_multiplexers_use() {
    for b in &KeyMap::default().bindings {
        let name = b.key.to_string();
        assert!(
            !["ctrl+h", "ctrl+s", "ctrl+q", "ctrl+a"].contains(&name.as_str()),
            "{name}"
        );
        // As debuggers have it; there is a command for it too.
        assert!(name != "ctrl+b" || b.action == Action::LeaveSession);
        assert!(name != "ctrl+j" || b.context == Context::Overlay);
        if matches!(
            b.context,
            Context::Global | Context::CommandLine | Context::Chat
        ) {
            let readline = [
                "ctrl+b", "ctrl+d", "ctrl+e", "ctrl+f", "ctrl+k", "ctrl+n", "ctrl+u", "ctrl+w",
                "ctrl+y",
            ];
            assert!(
                !readline.contains(&name.as_str()),
                "{name} in {}",
                b.context
            );
        }
    }
}

#[test]
fn a_key_means_what_its_place_says_and_else_what_it_means_everywhere() {
    let map = KeyMap::default();
    assert_eq!(
        map.action(Context::Rack, key("n")),
        Some(Action::NextAttention)
    );
    assert_eq!(
        map.action(Context::Pane, key("n")),
        Some(Action::SearchNext)
    );
    assert_eq!(map.action(Context::CommandLine, key("n")), None);
    assert_eq!(
        map.action(Context::CommandLine, key("ctrl+p")),
        Some(Action::Palette)
    );
    assert_eq!(
        map.action(Context::Overlay, key("ctrl+p")),
        Some(Action::Up)
    );
    assert_eq!(map.action(Context::Raw, key("ctrl+p")), None);
    let as_the_terminal_library_says = Key::new(KeyCode::Char('5'), KeyModifiers::CONTROL);
    assert_eq!(
        map.action(Context::Raw, as_the_terminal_library_says),
        Some(Action::LeaveRaw)
    );
}

#[test]
fn ctrl_c_interrupts_the_target_and_never_quits() {
    let map = KeyMap::default();
    for context in [
        Context::Global,
        Context::Rack,
        Context::Pane,
        Context::CommandLine,
    ] {
        assert_eq!(
            map.action(context, key("ctrl+c")),
            Some(Action::SendBreak),
            "{context}"
        );
    }
    assert_eq!(map.action(Context::Raw, key("ctrl+c")), None);
}

#[test]
fn keys_of_an_action_are_those_that_work_here_the_local_ones_first() {
    let map = KeyMap::default();
    assert_eq!(
        map.keys(Context::Rack, Action::Help),
        [key("?"), key("f1"), key("ctrl+g")]
    );
    assert_eq!(
        map.keys(Context::CommandLine, Action::Help),
        [key("f1"), key("ctrl+g")]
    );
    assert_eq!(
        map.hint(Context::CommandLine, Action::Palette).as_deref(),
        Some("^P")
    );
    assert_eq!(map.keys(Context::Overlay, Action::Palette), []);
}

#[test]
fn a_change_replaces_the_default_keys_and_takes_keys_from_other_defaults() {
    let map = changed(&[
        ("toggle-wrap", &["n", "ctrl+v"]),
        ("quit", &["ctrl+q", "Q"]),
        ("close-pane", &["none"]),
    ])
    .unwrap();
    assert_eq!(
        map.action(Context::Pane, key("n")),
        Some(Action::ToggleWrap)
    );
    assert_eq!(
        map.action(Context::Pane, key("ctrl+v")),
        Some(Action::ToggleWrap)
    );
    assert_eq!(map.action(Context::Pane, key("w")), None);
    assert_eq!(map.keys(Context::Pane, Action::SearchNext), []);
    assert_eq!(
        map.action(Context::Rack, key("n")),
        Some(Action::NextAttention)
    );
    assert_eq!(map.action(Context::Rack, key("q")), None);
    assert_eq!(
        map.keys(Context::Rack, Action::Quit),
        [key("Q"), key("ctrl+q")]
    );
    assert_eq!(map.action(Context::CommandLine, key("Q")), None);
    assert_eq!(map.keys(Context::Pane, Action::ClosePane), []);
}

#[test]
fn a_key_configured_for_everywhere_is_not_hidden_by_a_default_of_one_place() {
    let map = changed(&[("palette", &["tab"])]).unwrap();
    for context in [Context::Rack, Context::Pane, Context::CommandLine] {
        assert_eq!(
            map.action(context, key("tab")),
            Some(Action::Palette),
            "{context}"
        );
    }
}

#[test]
fn a_change_may_name_one_context() {
    let map = changed(&[("pane.next-attention", &["ctrl+n"])]).unwrap();
    assert_eq!(
        map.keys(Context::Pane, Action::NextAttention),
        [key("ctrl+n")]
    );
    assert_eq!(
        map.keys(Context::Rack, Action::NextAttention),
        [key("n"), key("!")]
    );
}

#[test]
fn two_changes_that_want_one_key_in_one_context_are_reported() {
    let error = only_error(&[("toggle-wrap", &["m"]), ("copy", &["m"])]);
    assert_eq!(
        error,
        Error::Conflict {
            key: key("m"),
            context: Context::Pane,
            action: Action::ToggleWrap
        }
    );
    assert!(changed(&[("toggle-wrap", &["m"]), ("sort-rack", &["m"])]).is_ok());
}

#[test]
fn every_refused_change_is_reported_with_what_would_be_right() {
    let problems = changed(&[
        ("zom", &["z"]),
        ("xyzzy", &["z"]),
        ("panel.zoom", &["z"]),
        ("rack.copy", &["z"]),
        ("copy", &["ctrl+i"]),
        ("submit", &["x"]),
        ("leave-raw", &["none"]),
    ])
    .unwrap_err();
    let texts: Vec<_> = problems
        .iter()
        .map(|Problem { entry, key, error }| format!("{entry} {key:?}: {error}"))
        .collect();
    insta::assert_snapshot!(texts.join(
        "
"
    ));
}

#[test]
fn a_way_out_cannot_be_taken_by_other_actions() {
    let error = only_error(&[("overlay.up", &["esc", "ctrl+c", "ctrl+g", "f1"])]);
    assert_eq!(
        error,
        Error::Trapped {
            action: Action::CloseOverlay,
            context: Context::Overlay
        }
    );
}

#[test]
fn default_keys_stay_where_none_of_the_new_ones_can_be_had() {
    let map = changed(&[("quit", &["Q"]), ("up", &["w"]), ("scroll-page-up", &["u"])]).unwrap();
    assert_eq!(
        map.keys(Context::Rack, Action::Quit),
        [key("Q"), key("ctrl+x")]
    );
    assert_eq!(map.keys(Context::Rack, Action::Up), [key("w")]);
    assert_eq!(
        map.keys(Context::Overlay, Action::Up),
        [key("up"), key("ctrl+p")]
    );
    assert_eq!(map.keys(Context::Pane, Action::ScrollPageUp), [key("u")]);
    assert_eq!(
        map.keys(Context::CommandLine, Action::ScrollPageUp),
        [key("pageup")]
    );
}
