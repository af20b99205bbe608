// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A record of every register access, by name, for whoever wants to see what a driver does.

use std::{
    fmt,
    io::Write,
    sync::{Mutex, PoisonError},
};

use nova_spec::regs::{name_at, Named};

/// Which way an access went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the register.
    Read,
    /// To the register.
    Write,
}

/// One access to a register of BAR0. Displays as a line of a trace:
/// `wr 0x110040 NV_PFALCON_FALCON_MAILBOX0(GSP) 0x00000000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterAccess {
    /// Which way.
    pub direction: Direction,
    /// Bytes from the start of BAR0.
    pub offset: u32,
    /// What was read or written.
    pub value: u32,
}

impl RegisterAccess {
    /// The register's name, as far as there is one.
    pub fn name(&self) -> Named {
        name_at(self.offset)
    }
}

impl fmt::Display for RegisterAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Read => "rd",
            Direction::Write => "wr",
        };
        let (offset, name, value) = (self.offset, self.name(), self.value);
        write!(f, "{direction} {offset:#08x} {name} {value:#010x}")
    }
}

/// Is told of every register access that was carried out, in order.
pub trait Trace: Send + Sync {
    /// One access.
    fn access(&self, access: &RegisterAccess);
}

/// Writes a line an access.
#[derive(Debug)]
pub struct TraceWriter<W> {
    state: Mutex<(W, bool)>,
}

impl<W: Write> TraceWriter<W> {
    /// Writes to `to`; give it something buffered.
    pub fn new(to: W) -> Self {
        Self {
            state: Mutex::new((to, true)),
        }
    }

    /// Ends the trace; an error when a line of it could not be written.
    pub fn finish(&self) -> std::io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.flush()?;
        match state.1 {
            true => Ok(()),
            false => Err(std::io::Error::other("a part of the trace is missing")),
        }
    }
}

impl<W: Write + Send> Trace for TraceWriter<W> {
    fn access(&self, access: &RegisterAccess) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 && writeln!(state.0, "{access}").is_err() {
            // A disk that is full must not stop a GPU half-way; `finish` tells.
            state.1 = false;
            tracing::warn!("the register trace could not be written and ends here");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_direction_place_name_and_value() {
        let trace = TraceWriter::new(Vec::new());
        for (direction, offset, value) in [
            (Direction::Write, 0x11_0040, 0),
            (Direction::Read, 0x30_0004, 0xaa55),
            (Direction::Read, 0x10, u32::MAX),
        ] {
            trace.access(&RegisterAccess {
                direction,
                offset,
                value,
            });
        }
        trace.finish().unwrap();
        let (bytes, _) = trace.state.into_inner().unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "wr 0x110040 NV_PFALCON_FALCON_MAILBOX0(GSP) 0x00000000\n\
             rd 0x300004 NV_PROM+0x4 0x0000aa55\n\
             rd 0x000010 0x000010 0xffffffff\n"
        );
    }

    #[test]
    fn a_writer_that_fails_is_told_of_at_the_end() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let trace = TraceWriter::new(Full);
        trace.access(&RegisterAccess {
            direction: Direction::Read,
            offset: 0,
            value: 0,
        });
        assert!(trace.finish().is_err());
    }
}
