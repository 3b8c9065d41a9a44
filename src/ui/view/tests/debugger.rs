//! What is drawn of debug targets.

use crate::rack::State;
use crate::transcript::Kind;
use crate::ui::frame::Fresh;
use crate::ui::stage::Stage;
use crate::ui::theme::Depth;

const BUGCHECK: &str = "BUGCHECK D1 (DRIVER_IRQL_NOT_LESS_OR_EQUAL)";

/// Kernels in every state among consoles.
fn kernels() -> Stage {
    let mut stage = Stage::with_debuggers(12, &[0, 2, 4, 6, 8]);
    stage.output("t000", "mydrv: started, 4 queues\r\n");
    stage.output("t001", "[    1.250] eth0: link up\r\n");
    stage.state("t000", State::Running, "Windows 10 x64");
    stage.output("t002", "Breakpoint 0 hit\r\nnt!NtCreateFile:\r\n");
    stage.note("t002", Kind::Command, Some("alex"), "r rax");
    stage.note("t002", Kind::Reply, None, "rax=0000000000000055");
    stage.stops("t002", "0: kd>", "breakpoint 0, nt!NtCreateFile");
    stage.output("t004", "*** Fatal System Error: 0x000000d1\r\n");
    stage.stops("t004", "2: kd>", "bug check");
    stage.alert("t004", BUGCHECK);
    stage.state("t006", State::Waiting, "no offer on port 50006");
    stage.state("t008", State::Lost, "nothing heard for 30 s");
    stage.state("t001", State::Lost, "connection refused");
    stage.wait(500);
    stage
}

macro_rules! snapshots {
    ($stage:expr, $name:literal) => {{
        let mut stage = $stage;
        for (width, height) in [(80, 24), (120, 40), (40, 12), (20, 5)] {
            insta::assert_snapshot!(
                format!("{}_{width}x{height}", $name),
                stage.screen(width, height)
            );
        }
    }};
}

#[test]
fn the_overview_of_kernels() {
    let mut stage = kernels();
    stage.keys("n");
    assert_eq!(stage.model.target().unwrap().name, "t004");
    snapshots!(stage, "overview");
}

#[test]
fn panes_of_kernels() {
    let mut stage = kernels();
    stage.line(".open t004 t000 t002");
    stage.typed("k");
    snapshots!(stage, "panes");
}

#[test]
fn the_help_lists_the_debuggers_commands_where_one_is_in_front() {
    let mut stage = kernels();
    stage.line(".open t002");
    stage.keys("f1");
    stage.typed("stack");
    insta::assert_snapshot!("help_80x24", stage.screen(80, 24));
}

/// The row of the command line.
fn line(stage: &mut Stage, width: u16) -> String {
    let screen = stage.screen(width, 24);
    let rows: Vec<&str> = screen.lines().collect();
    let row = rows[rows.len() - 2].trim_matches('"');
    row.trim_end().to_owned()
}

/// The last row, with the keys.
fn keys(stage: &mut Stage) -> String {
    let screen = stage.screen(120, 24);
    screen.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_prompt_stands_in_front_of_what_is_typed_for_one_target() {
    let mut stage = kernels();
    stage.line(".open t002");
    stage.typed("k");
    assert_eq!(line(&mut stage, 80), "@t002 0: kd> k");
    stage.keys("ctrl+u");
    stage.typed("@t004 r");
    assert_eq!(line(&mut stage, 80), "@t004 2: kd> @t004 r");
    stage.keys("ctrl+u");
    stage.typed("@t000,t002 r");
    assert_eq!(line(&mut stage, 80), "@t000,t002 2 targets @t000,t002 r");
    stage.keys("ctrl+u");
    stage.line(".open t005");
    assert_eq!(line(&mut stage, 80), "@t005");
}

#[test]
fn a_target_that_is_not_stopped_says_so_in_the_place_of_its_prompt() {
    let mut stage = kernels();
    stage.line(".open t002");
    assert_eq!(line(&mut stage, 80), "@t002 0: kd>");
    stage.state("t002", State::Running, "");
    assert!(stage.collect(Fresh::Front).changed);
    assert_eq!(line(&mut stage, 80), "@t002 running>");
    stage.line(".open t006");
    assert_eq!(line(&mut stage, 80), "@t006 waiting>");
    stage.state("t006", State::Broken, "");
    assert_eq!(line(&mut stage, 80), "@t006 broken>");
}

#[test]
fn a_new_prompt_is_drawn_where_nothing_else_changes() {
    let mut stage = kernels();
    stage.line("@t002");
    stage.screen(80, 24);
    assert!(!stage.collect(Fresh::All).changed);
    stage.target("t002").status.set_prompt("1: kd>");
    assert!(stage.collect(Fresh::Known).changed);
    assert_eq!(line(&mut stage, 80), "@t002 1: kd>");
    stage.target("t004").status.set_prompt("3: kd>");
    assert!(!stage.collect(Fresh::All).changed, "of another target");
}

#[test]
fn where_columns_are_few_the_name_gives_way_to_the_prompt() {
    let mut stage = kernels();
    stage.line(".open t002");
    stage.typed("k");
    assert!(stage.screen(40, 12).contains("\"@t002 0: kd> k "));
    assert!(stage.screen(20, 5).contains("\"@t002 0: kd> k "));
    stage.target("t002").status.set_prompt("2: kd:x86>");
    let screen = stage.screen(20, 5);
    assert!(screen.contains("\"@t\u{bb} 2: kd:x86> k"), "{screen}");
}

#[test]
fn an_alert_is_seen_in_the_header_first_in_the_need_and_in_the_title() {
    let mut stage = kernels();
    let screen = stage.screen(120, 40);
    for part in [
        "R 7  B 1  W 1  L 2  ! 1",
        "4 need you: ! t004 L t001 B t002 L t008",
        "! t004",
        BUGCHECK,
    ] {
        assert!(screen.contains(part), "{part} in\n{screen}");
    }
    assert!(
        stage.screen(40, 12).contains(" HOST  ! 1  12 targets"),
        "the last to be cut"
    );
    stage.line(".open t004");
    let screen = stage.screen(120, 40);
    assert!(screen.contains(&format!("t004 ∙ ! {BUGCHECK} ∙ broken: bug check")));
    stage.alert("t004", "");
    stage.state("t004", State::Running, "");
    assert!(stage.collect(Fresh::Front).changed);
    stage.line(".rack");
    let screen = stage.screen(120, 40);
    assert!(
        !screen.contains("! 1") && screen.contains("R 8"),
        "{screen}"
    );
}

#[test]
fn alerts_are_told_by_their_letter_without_colours_too() {
    let mut stage = kernels();
    stage.model.settings.depth = Depth::Mono;
    stage.model.settings.glyphs = &crate::ui::glyphs::ASCII;
    let screen = stage.screen(80, 24);
    assert!(
        screen.contains("! t004") && screen.contains("! 1"),
        "{screen}"
    );
}

#[test]
fn a_stopped_target_tells_why_in_its_tile_and_what_it_printed_if_nobody_knows() {
    let mut stage = kernels();
    let screen = stage.screen(120, 40);
    assert!(screen.contains("B t002"), "{screen}");
    let tile = |stage: &Stage| {
        let id = stage.target("t002").id;
        stage.picture.tile(id).map(|tile| tile.text.clone())
    };
    assert_eq!(tile(&stage).unwrap(), "breakpoint 0, nt!NtCreateFile");
    stage.state("t002", State::Broken, "");
    stage.collect(Fresh::All);
    assert_eq!(tile(&stage).unwrap(), "nt!NtCreateFile:");
}

#[test]
fn the_last_line_offers_what_a_debug_target_takes_now() {
    let mut stage = kernels();
    stage.line(".open t002");
    let stopped = "F5 go  F10 over  F11 into  S-F11 out";
    assert!(keys(&mut stage).contains(stopped));
    stage.keys("esc");
    assert!(keys(&mut stage).contains(stopped), "in the pane too");
    stage.state("t002", State::Running, "");
    let running = keys(&mut stage);
    assert!(
        running.contains("^C break") && !running.contains("F10"),
        "{running}"
    );
    stage.state("t002", State::Waiting, "");
    stage.keys("i");
    let waiting = keys(&mut stage);
    assert!(
        !waiting.contains("break") && !waiting.contains("F10"),
        "{waiting}"
    );
    stage.line(".open t003");
    let console = keys(&mut stage);
    assert!(
        console.contains("^C interrupt") && !console.contains("F10"),
        "{console}"
    );
}
