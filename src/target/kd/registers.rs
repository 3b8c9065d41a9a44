//! The registers of a stopped target's processors, fetched as they are needed and kept until it goes on.

use super::debugger::Debugger;
use super::fault::Fault;
use crate::code::machine::Machine;
use crate::code::registers::Registers;
use crate::proto::kd::{Answer, Architecture, Call, context};

impl Debugger<'_> {
    /// The registers that are looked at: those of the chosen processor, or those of a context record or trap frame.
    ///
    /// # Errors
    /// Those of [`Debugger::call`].
    pub(super) async fn registers(&mut self) -> Result<Registers, Fault> {
        if let Some(registers) = &self.known.looked_at {
            return Ok(registers.clone());
        }
        self.registers_of(self.known.processor).await
    }

    /// The registers of one processor.
    ///
    /// # Errors
    /// Those of [`Debugger::call`].
    pub(super) async fn registers_of(&mut self, processor: u16) -> Result<Registers, Fault> {
        let context = self.context(processor).await?;
        let known = &self.known;
        Ok(registers_in(known.architecture, known.machine(), &context))
    }

    /// Sets a register of the processor that is looked at.
    ///
    /// # Errors
    /// An unknown register, a value that does not fit; those of [`Debugger::call`].
    pub(super) async fn set_register(&mut self, name: &str, value: u64) -> Result<(), Fault> {
        if self.known.looked_at.is_some() {
            return Err("the registers of a context record are not the processor's; .cxr goes back to those".into());
        }
        let processor = self.known.processor;
        let mut registers = self.registers_of(processor).await?;
        if !registers.set(name, value) {
            return Err(Fault::Words(format!(
                "there is no register {name}, or {value:#x} does not fit it"
            )));
        }
        let mut context = self.context(processor).await?;
        for name in Registers::names(self.known.machine()) {
            if let Some(value) = registers.get(name) {
                context::set(self.known.architecture, &mut context, name, value);
            }
        }
        self.set_context(processor, context).await
    }

    /// The whole context record of a processor.
    async fn context(&mut self, processor: u16) -> Result<Vec<u8>, Fault> {
        if let Some(context) = self.known.contexts.get(&processor) {
            return Ok(context.clone());
        }
        let wanted = self.known.architecture.context_bytes();
        let count = u32::try_from(wanted).unwrap_or(u32::MAX);
        let extended = Call::GetContextEx { offset: 0, count };
        let whole = |answer| match answer {
            Answer::Context(bytes) | Answer::ContextPart { data: bytes, .. }
                if bytes.len() >= wanted =>
            {
                Some(bytes)
            }
            _ => None,
        };
        let mut context = None;
        // Boot debuggers and old kernels know the plain call only; old 32-bit kernels do not even answer the other.
        if self.known.architecture != Architecture::X86 {
            match self.call(processor, extended).await {
                Ok(reply) => context = whole(reply.answer),
                Err(Fault::Refused(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        if context.is_none() {
            let reply = self.call(processor, Call::GetContext).await?;
            context = whole(reply.answer);
        }
        let context = context.ok_or(Fault::Nonsense("a context record that is too short"))?;
        self.known.contexts.insert(processor, context.clone());
        Ok(context)
    }

    async fn set_context(&mut self, processor: u16, context: Vec<u8>) -> Result<(), Fault> {
        let flags = context
            .first_chunk()
            .map_or(0, |flags| u32::from_le_bytes(*flags));
        let call = Call::SetContext {
            flags,
            context: context.clone(),
        };
        self.call(processor, call).await?;
        self.known.contexts.insert(processor, context);
        Ok(())
    }
}

/// The registers that a context record has.
pub fn registers_in(architecture: Architecture, machine: Machine, context: &[u8]) -> Registers {
    let mut registers = Registers::new(machine);
    for name in Registers::names(machine) {
        if let Some(value) = context::get(architecture, context, name) {
            registers.set(name, value);
        }
    }
    registers
}
