use std::collections::HashSet;

use super::depth::rgb;
use super::*;

const DARK: [u8; 3] = [0x1e, 0x22, 0x2a];
const LIGHT: [u8; 3] = [0xfd, 0xf6, 0xe3];

/// Relative luminance and contrast ratio as WCAG 2 defines them.
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance = |color: [u8; 3]| {
        let [r, g, b] = color.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.03928 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    a.max(b) / a.min(b)
}

fn assert_contrast(name: &str, depth: Depth, ground: [u8; 3], least: f64) {
    let theme = base(name).unwrap().at(depth);
    for role in Role::ALL {
        let style = theme.style(*role);
        let fg = style
            .fg
            .and_then(rgb)
            .expect("these themes give every role a colour");
        let bg = style.bg.and_then(rgb).unwrap_or(ground);
        let ratio = contrast(fg, bg);
        assert!(
            ratio >= least,
            "{name}, {}: {ratio:.2} at {depth:?}",
            role.name()
        );
    }
}

fn themes_directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

#[test]
fn every_built_in_theme_defines_every_role() {
    for (name, text) in BUILT_IN {
        Theme::parse(name, text, name).unwrap();
        let entries: BTreeMap<String, String> = toml::from_str(text).unwrap();
        for role in Role::ALL {
            assert!(
                entries.contains_key(role.name()),
                "{name} lacks {}",
                role.name()
            );
        }
        assert_eq!(entries.len(), Role::ALL.len(), "{name}");
    }
}

#[test]
fn the_default_theme_suits_dark_and_light_terminals() {
    let theme = base(DEFAULT_THEME).unwrap();
    for role in Role::ALL {
        let style = theme.style(*role);
        assert_eq!(style.bg, None, "{}", role.name());
        // Not blue, which dark terminals show too dark, nor yellow, black, white and the greys and light colours, each of
        // which is next to invisible on one of the two grounds.
        let legible = [Color::Red, Color::Green, Color::Magenta, Color::Cyan];
        assert!(
            style.fg.is_none_or(|fg| legible.contains(&fg)),
            "{}",
            role.name()
        );
    }
}

#[test]
fn themes_with_colours_of_their_own_are_legible() {
    assert_contrast("dark", Depth::True, DARK, 3.3);
    assert_contrast("light", Depth::True, LIGHT, 4.4);
    assert_contrast("high-contrast", Depth::True, [0; 3], 10.0);
    for role in ["text", "dim", "state-lost", "error", "selection", "alert"] {
        let style = base("dark").unwrap().style(Role::named(role).unwrap());
        assert!(
            contrast(
                style.fg.and_then(rgb).unwrap(),
                style.bg.and_then(rgb).unwrap_or(DARK)
            ) >= 4.5,
            "{role}"
        );
    }
}

#[test]
fn themes_stay_legible_with_fewer_colours() {
    for depth in [Depth::Ansi256, Depth::Ansi16] {
        assert_contrast("dark", depth, [0; 3], 3.0);
        assert_contrast("light", depth, [255; 3], 3.0);
        assert_contrast("high-contrast", depth, [0; 3], 5.0);
    }
}

#[test]
fn without_colours_every_theme_is_monochrome_and_has_none() {
    for (name, _) in BUILT_IN {
        let theme = Theme::load(name, None, Depth::Mono).unwrap();
        assert_eq!(theme.name(), MONOCHROME_THEME);
        for role in Role::ALL {
            assert_eq!(
                (theme.style(*role).fg, theme.style(*role).bg),
                (None, None),
                "{name} {}",
                role.name()
            );
        }
    }
}

#[test]
fn what_must_stand_out_does_so_in_every_theme() {
    for (name, _) in BUILT_IN {
        let theme = base(name).unwrap();
        for role in [
            Role::Selection,
            Role::Alert,
            Role::SearchCurrent,
            Role::StateLost,
            Role::BorderFocused,
            Role::Match,
        ] {
            assert_ne!(
                theme.style(role),
                theme.style(Role::Text),
                "{name} {}",
                role.name()
            );
        }
    }
}

#[test]
fn states_have_letters_of_their_own() {
    let letters: Vec<char> = Role::ALL.iter().filter_map(|role| role.letter()).collect();
    assert_eq!(letters.iter().collect::<String>(), "RWCBLX!");
    assert_eq!(letters.iter().collect::<HashSet<_>>().len(), letters.len());
}

#[test]
fn a_file_of_the_themes_directory_comes_first_and_leaves_the_rest_to_its_base() {
    let directory = themes_directory(&[
        ("mine.toml", "based-on = \"dark\"\nalert = \"bold 3\"\n"),
        ("light.toml", "text = \"blue\"\n"),
    ]);
    let mine = Theme::load("mine", Some(directory.path()), Depth::True).unwrap();
    assert_eq!(
        mine.style(Role::Alert),
        Style::new().fg(Color::Indexed(3)).bold()
    );
    assert_eq!(
        mine.style(Role::Error),
        base("dark").unwrap().style(Role::Error)
    );
    let light = Theme::load("light", Some(directory.path()), Depth::True).unwrap();
    assert_eq!(light.style(Role::Text), Style::new().blue());
    assert_eq!(
        light.style(Role::Error),
        base(DEFAULT_THEME).unwrap().style(Role::Error)
    );
    assert_eq!(
        Theme::known(Some(directory.path())),
        [
            "dark",
            "default",
            "high-contrast",
            "light",
            "mine",
            "monochrome"
        ]
    );
}

#[test]
fn an_unknown_name_or_a_path_is_refused_with_the_names_there_are_and_the_place_searched() {
    let directory = themes_directory(&[("mine.toml", ""), ("notes.txt", "")]);
    for name in ["drak", "../mine", "mine.toml", ""] {
        let error = Theme::load(name, Some(directory.path()), Depth::True)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!(
            "no theme is called `{name}`; there are dark, default, high-contrast, light, mine"
        )));
        assert!(
            error.ends_with(&directory.path().display().to_string()),
            "{error}"
        );
    }
    let error = Theme::load("drak", None, Depth::Mono)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "no theme is called `drak`; there are dark, default, high-contrast, light, monochrome"
    );
}

#[test]
fn a_bad_file_is_refused_with_its_line() {
    let error = |text: &str| Theme::parse("t", text, "t.toml").unwrap_err().to_string();
    assert_eq!(
        error("text = \"\"\nalret = \"red\"\n"),
        "t.toml:2: no role is called `alret`; did you mean `alert`?"
    );
    assert!(error("\n\nalert = \"rde\"\n").starts_with("t.toml:3: `rde` is neither a colour"));
    assert!(
        error("text = \"\"\nbased-on = \"mine\"")
            .starts_with("t.toml:2: `mine` is not a built-in theme")
    );
    assert!(error("text = \"\"\nalert = 3\n").starts_with("t.toml:2: "));
    assert!(error("text = \"\"\n\nalert = \n").starts_with("t.toml:3: "));
    assert!(error("text = \"\"\ntext = \"\"\n").starts_with("t.toml:2: "));
}

#[test]
fn a_file_too_large_to_be_a_theme_is_not_used() {
    let directory = themes_directory(&[("big.toml", &"# \n".repeat(30_000))]);
    let error = Theme::load("big", Some(directory.path()), Depth::True)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("larger than 65536 bytes, which no theme is"),
        "{error}"
    );
}

#[test]
fn a_background_that_is_lost_becomes_reversed() {
    let theme = base("dark").unwrap().at(Depth::Mono);
    assert_eq!(theme.style(Role::Selection), Style::new().reversed());
}
