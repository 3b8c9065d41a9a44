//! The processors of a target: `~`, a processor's number in front of a command, model-specific registers, I/O ports.

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use super::arguments;
use super::split::Typed;
use crate::proto::kd::{Answer, Call};

/// `2k`, `1r rip`: one command with the eyes of another processor, which stays as it is.
pub async fn with_processor(
    debugger: &mut Debugger<'_>,
    processor: u16,
    typed: &Typed<'_>,
) -> Result<String, Fault> {
    check(debugger, processor)?;
    let own = debugger.known.processor;
    if typed.name.starts_with('r')
        && processor != own
        && let Some((_, value)) = typed.rest.split_once('=')
    {
        return Err(arguments::syntax(&format!("={value}")));
    }
    let looked_at = debugger.known.looked_at.take();
    debugger.known.processor = processor;
    let plain = Typed {
        processor: None,
        ..*typed
    };
    let result = Box::pin(super::one(debugger, &plain)).await;
    debugger.known.processor = own;
    debugger.known.looked_at = looked_at;
    result
}

/// `~`: the processors and where they are; `~Ns`: the debugger's place on another.
pub async fn processors(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    if rest.is_empty() {
        return list(debugger).await;
    }
    let number = rest
        .strip_suffix('s')
        .and_then(|number| number.trim_end().parse().ok())
        .ok_or_else(|| arguments::syntax(rest))?;
    check(debugger, number)?;
    if number != debugger.known.processor {
        debugger.switch(number).await?;
    }
    Ok(String::new())
}

fn check(debugger: &Debugger<'_>, processor: u16) -> Result<(), Fault> {
    let count = debugger.known.processors;
    if u32::from(processor) < count {
        return Ok(());
    }
    Err(Fault::Words(match count {
        1 => format!("there is no processor {processor}: this target has only 0"),
        count => format!(
            "there is no processor {processor}: this target has 0 to {}",
            count - 1
        ),
    }))
}

async fn list(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    debugger.read_modules().await?;
    let machine = debugger.known.machine();
    let mut lines = Vec::new();
    for number in 0..debugger.known.processors {
        let Ok(number) = u16::try_from(number) else {
            break;
        };
        let at = debugger.registers_of(number).await?.instruction();
        let name = debugger
            .look(|view| Ok::<_, Fault>(view.names.near(at).map(|near| near.to_string())))
            .await?;
        let mark = if number == debugger.known.processor {
            '.'
        } else {
            ' '
        };
        let line = format!(
            "{mark} {number:2}  {} {}",
            machine.address(at),
            name.unwrap_or_default()
        );
        lines.push(line.trim_end().to_owned());
    }
    Ok(lines.join("\n"))
}

/// `rdmsr`.
pub async fn read_msr(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (msr, rest) = msr_number(debugger, rest).await?;
    arguments::end(rest)?;
    let processor = debugger.known.processor;
    match debugger
        .call(processor, Call::ReadMsr { msr })
        .await?
        .answer
    {
        Answer::Msr(value) => Ok(format!(
            "msr[{msr:x}] = {:08x}`{:08x}",
            value >> 32,
            value & u64::from(u32::MAX)
        )),
        _ => Err(Fault::Nonsense(
            "no register in the answer to a read of one",
        )),
    }
}

/// `wrmsr`.
pub async fn write_msr(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (msr, rest) = msr_number(debugger, rest).await?;
    let (value, rest) = arguments::value(debugger, rest).await?;
    arguments::end(rest)?;
    let processor = debugger.known.processor;
    debugger
        .call(processor, Call::WriteMsr { msr, value })
        .await?;
    Ok(String::new())
}

async fn msr_number<'t>(
    debugger: &mut Debugger<'_>,
    text: &'t str,
) -> Result<(u32, &'t str), Fault> {
    let (number, rest) = arguments::value(debugger, text).await?;
    // A number with the highest bit set may be sign-extended.
    let low = number & u64::from(u32::MAX);
    if number != low && number >> 31 != u64::MAX >> 31 {
        return Err(Fault::Words(format!(
            "{number:#x} is no register's number: those have 32 bits"
        )));
    }
    Ok((u32::try_from(low).unwrap_or_default(), rest))
}

/// `ib`, `iw`, `id`.
pub async fn read_port(
    debugger: &mut Debugger<'_>,
    name: &str,
    rest: &str,
) -> Result<String, Fault> {
    let (port, rest) = arguments::value(debugger, rest).await?;
    arguments::end(rest)?;
    let size = port_bytes(name);
    let processor = debugger.known.processor;
    match debugger
        .call(processor, Call::ReadIo { port, size })
        .await?
        .answer
    {
        Answer::Io(value) => {
            let width = usize::try_from(size * 2).unwrap_or_default();
            let value = value & (u32::MAX >> (32 - size * 8));
            Ok(format!("{port:04x}: {value:0width$x}"))
        }
        _ => Err(Fault::Nonsense(
            "no value in the answer to a read of a port",
        )),
    }
}

/// `ob`, `ow`, `od`.
pub async fn write_port(
    debugger: &mut Debugger<'_>,
    name: &str,
    rest: &str,
) -> Result<String, Fault> {
    let (port, rest) = arguments::value(debugger, rest).await?;
    let (value, end) = arguments::value(debugger, rest).await?;
    arguments::end(end)?;
    let size = port_bytes(name);
    let value = u32::try_from(value)
        .ok()
        .filter(|value| size == 4 || value >> (size * 8) == 0)
        .ok_or_else(|| Fault::Words(format!("{value:#x} does not fit into {size} bytes")))?;
    let processor = debugger.known.processor;
    debugger
        .call(processor, Call::WriteIo { port, size, value })
        .await?;
    Ok(String::new())
}

/// How wide the access of a port command is, from its last letter.
fn port_bytes(name: &str) -> u32 {
    match name.as_bytes().last() {
        Some(b'd') => 4,
        Some(b'w') => 2,
        _ => 1,
    }
}
