//! Registers: `r` and `rM`.

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use super::arguments;
use crate::code::dump;
use crate::code::registers::Registers;
use crate::proto::kd::{Architecture, Call, context, special};

/// `r`: all registers and the place, some of them, or new values for them.
pub async fn show_or_set(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    if rest.is_empty() {
        return all(debugger).await;
    }
    let mut shown = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        let (name, behind) = name_in(rest)?;
        rest = match behind.strip_prefix('=') {
            Some(text) => {
                let (value, behind) = arguments::value(debugger, text.trim_start()).await?;
                set(debugger, name, value).await?;
                behind
            }
            None => {
                let value = show(debugger, name).await?;
                shown.push(format!("{}={value}", name.to_ascii_lowercase()));
                behind
            }
        };
        rest = rest.trim_start_matches([',', ' ', '\t']);
    }
    Ok(shown.join(" "))
}

/// The block of registers and the instruction below it.
pub async fn all(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    let registers = debugger.registers().await?;
    let mut lines = dump::registers(&registers);
    lines.extend(debugger.place_lines().await?);
    Ok(lines.join("\n"))
}

/// Which registers each bit of the mask of `rM` shows; those of bit 0 are the whole block.
const MASKS: &[(u64, &[&str])] = &[
    (0x08, &["cs", "ss", "ds", "es", "fs", "gs"]),
    (0x20, &["dr0", "dr1", "dr2", "dr3", "dr6", "dr7"]),
    (0x80, &["cr0", "cr2", "cr3", "cr4", "cr8", "xcr0"]),
    (0x100, &["gdtr", "gdtl", "idtr", "idtl", "tr", "ldtr"]),
];
/// The bits that mean the whole block.
const BLOCK: u64 = 0x3;

/// `rM`: registers by mask.
pub async fn masked(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (mask, rest) = arguments::value(debugger, rest).await?;
    arguments::end(rest)?;
    let known = MASKS.iter().fold(BLOCK, |known, (bit, _)| known | bit);
    if mask & known == 0 || debugger.known.architecture == Architecture::Arm64 {
        return Err("rM shows 1 the block of r, 8 segments, 20 debug registers, 80 control registers, 100 descriptor tables; of x86 processors".into());
    }
    let mut lines = Vec::new();
    if mask & BLOCK != 0 {
        lines.push(all(debugger).await?);
    }
    for (bit, names) in MASKS {
        if mask & bit == 0 {
            continue;
        }
        let mut fields = Vec::new();
        for name in *names {
            // Processors of 32 bits lack some.
            if let Ok(value) = show(debugger, name).await {
                fields.push(format!("{name:>4}={value}"));
            }
        }
        lines.extend(fields.chunks(3).map(|three| three.join(" ")));
    }
    Ok(lines.join("\n"))
}

/// The name that begins the text, and what is behind it and the blanks that follow.
fn name_in(text: &str) -> Result<(&str, &str), Fault> {
    let text = text.strip_prefix('@').unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '$' | '_'))
        .unwrap_or(text.len());
    match text.split_at(end) {
        ("", _) => Err(arguments::syntax(text)),
        (name, rest) => Ok((name, rest.trim_start())),
    }
}

/// The value of a register, as wide as it is.
async fn show(debugger: &mut Debugger<'_>, name: &str) -> Result<String, Fault> {
    let architecture = debugger.known.architecture;
    if name.starts_with('$') {
        let value = debugger.evaluate(&format!("@{name}")).await?;
        return Ok(format!("{value:016x}"));
    }
    if let Some(register) = special::register(architecture, name) {
        let bytes = debugger.special(debugger.known.processor).await?;
        let value = register.value(&bytes).ok_or_else(|| bad_register(name))?;
        return Ok(format!("{value:0width$x}", width = register.bytes * 2));
    }
    let registers = debugger.registers().await?;
    let is_carried = is_carried(architecture, &registers, name);
    let value = registers.get(name).filter(|_| is_carried);
    let value = value.ok_or_else(|| bad_register(name))?;
    let width = digits(&registers, name);
    Ok(format!("{value:0width$x}"))
}

/// Gives a register a new value.
async fn set(debugger: &mut Debugger<'_>, name: &str, value: u64) -> Result<(), Fault> {
    let architecture = debugger.known.architecture;
    if let Some(number) = name.strip_prefix("$t") {
        let slot = number
            .parse::<usize>()
            .ok()
            .and_then(|number| debugger.known.pseudo.temporaries.get_mut(number));
        *slot.ok_or_else(|| bad_register(name))? = value;
        return Ok(());
    }
    let Some(register) = special::register(architecture, name) else {
        let registers = debugger.registers().await?;
        if registers.get(name).is_none() || !is_carried(architecture, &registers, name) {
            return Err(bad_register(name));
        }
        return debugger.set_register(name, value).await;
    };
    let processor = debugger.known.processor;
    let mut data = debugger.special(processor).await?;
    let bits = u32::try_from(register.bytes * 8).unwrap_or(u64::BITS);
    if value.checked_shr(bits).unwrap_or(0) != 0 {
        return Err(Fault::Words(format!("{value:#x} does not fit {name}")));
    }
    if !register.set(&mut data, value.into()) {
        return Err(bad_register(name));
    }
    let address = special::address(architecture);
    debugger
        .call(processor, Call::WriteControl { address, data })
        .await?;
    // It may be the root of the page tables.
    debugger.known.memory.clear();
    Ok(())
}

/// Whether a register of ours, or what a part of one belongs to, is in what targets send.
fn is_carried(architecture: Architecture, registers: &Registers, name: &str) -> bool {
    let is_whole = Registers::names(registers.machine())
        .iter()
        .any(|whole| whole.eq_ignore_ascii_case(name));
    !is_whole || context::register(architecture, name).is_some()
}

/// How many hexadecimal digits a register, a part of one or a flag has.
fn digits(registers: &Registers, name: &str) -> usize {
    let fits = |bit: &u32| registers.clone().set(name, 1 << bit);
    let bits = (0..u64::BITS).rev().find(fits).map_or(1, |bit| bit + 1);
    usize::try_from(bits.div_ceil(4)).unwrap_or(1)
}

fn bad_register(name: &str) -> Fault {
    Fault::Words(format!("Bad register error at '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::machine::Machine;

    #[test]
    fn a_value_is_as_wide_as_its_register() {
        let registers = Registers::new(Machine::Amd64);
        for (name, width) in [
            ("rax", 16),
            ("eax", 8),
            ("ax", 4),
            ("ah", 2),
            ("zf", 1),
            ("cs", 4),
            ("efl", 8),
        ] {
            assert_eq!(digits(&registers, name), width, "{name}");
        }
        assert_eq!(digits(&Registers::new(Machine::X86), "eip"), 8);
    }

    #[test]
    fn a_register_is_named_with_or_without_an_at() {
        assert_eq!(name_in("@rax = 5").unwrap(), ("rax", "= 5"));
        assert_eq!(name_in("rip,rax").unwrap(), ("rip", ",rax"));
        assert_eq!(name_in("$t0=1").unwrap(), ("$t0", "=1"));
        assert!(name_in("=5").is_err());
    }

    #[test]
    fn what_targets_do_not_send_is_not_shown_as_zero() {
        let registers = Registers::new(Machine::Amd64);
        let is_there = |name| is_carried(Architecture::Amd64, &registers, name);
        assert!(is_there("rax") && is_there("eax") && is_there("dr7"));
        assert!(!is_there("fsbase"));
    }
}
