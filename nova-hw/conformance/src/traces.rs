// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Whether two drivers write the same registers in the same order: from traces with a line an
//! access, as `vhost-nova probe --trace` and `nova-model --trace` write them:
//! `wr 0x110040 NV_PFALCON_FALCON_MAILBOX0(GSP) 0x00000000`.
//!
//! Reads do not count: how often a driver polls is its own affair. Nor do the values that are
//! bus addresses, which each driver chooses.

use std::fmt;

/// What our driver writes and nova-core does not, and why.
pub const OURS_ALONE: [(&str, &str); 1] = [(
    "NV_PBUS_BAR1_BLOCK",
    "nova-core does not use BAR1, which RM leaves in virtual mode",
)];

/// Registers that hold a bus address, or a half of one.
const ADDRESSES: [&str; 6] = [
    "NV_PFB_NISO_FLUSH_SYSMEM_ADDR",
    "NV_PFB_NISO_FLUSH_SYSMEM_ADDR_HI",
    "NV_PFALCON_FALCON_DMATRFBASE",
    "NV_PFALCON_FALCON_DMATRFBASE1",
    "NV_PFALCON_FALCON_MAILBOX0",
    "NV_PFALCON_FALCON_MAILBOX1",
];

/// A write: the register, and the value where it is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// The register's name.
    pub name: &'a str,
    /// What was written, as the trace has it.
    pub value: Option<&'a str>,
}

impl fmt::Display for Write<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.name, self.value.unwrap_or("an address"))
    }
}

/// Where two drivers part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// How many writes are the same before it.
    pub after: usize,
    /// The other driver's write; nothing at its end.
    pub reference: String,
    /// Ours.
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            after,
            reference,
            ours,
        } = self;
        write!(
            f,
            "after {after} equal writes: {reference:?} there, {ours:?} here"
        )
    }
}

impl std::error::Error for Difference {}

/// The writes of a trace, in order.
pub fn writes(trace: &str) -> impl Iterator<Item = Write<'_>> {
    let lines = trace.lines().filter_map(|line| line.strip_prefix("wr "));
    lines.filter_map(|line| {
        // The name may have blanks in it: `NV_PFALCON_FBIF_TRANSCFG(GSP, 0)`.
        let (_offset, rest) = line.split_once(' ')?;
        let (name, value) = rest.rsplit_once(' ')?;
        let register = name.split_once('(').map_or(name, |(register, _)| register);
        let value = (!ADDRESSES.contains(&register)).then_some(value);
        Some(Write { name, value })
    })
}

/// Compares another driver's trace with ours, each of the same work on a fresh card with the same
/// firmware; how many writes they have in common.
///
/// # Errors
/// The first place where they part, other than by [`OURS_ALONE`].
pub fn compare(reference: &str, ours: &str) -> Result<usize, Difference> {
    let is_shared = |write: &Write<'_>| OURS_ALONE.iter().all(|(name, _)| *name != write.name);
    let mut reference = writes(reference);
    let mut ours = writes(ours).filter(is_shared);
    let mut after = 0;
    loop {
        let text = |write: Option<Write<'_>>| write.map_or(String::new(), |it| it.to_string());
        match (reference.next(), ours.next()) {
            (None, None) => return Ok(after),
            (there, here) if there == here => after += 1,
            (there, here) => {
                return Err(Difference {
                    after,
                    reference: text(there),
                    ours: text(here),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "rd 0x118234 GFW 0x000000ff\n\
        wr 0x110040 NV_PFALCON_FALCON_MAILBOX0(GSP) 0x00001000\n\
        wr 0x110600 NV_PFALCON_FBIF_TRANSCFG(GSP, 0) 0x00000005\n";

    #[test]
    fn reads_addresses_and_what_is_ours_alone_do_not_count() {
        let ours = "wr 0x001704 NV_PBUS_BAR1_BLOCK 0x00000000\n\
            wr 0x110040 NV_PFALCON_FALCON_MAILBOX0(GSP) 0x00200000\n\
            rd 0x110600 NV_PFALCON_FBIF_TRANSCFG(GSP, 0) 0x00000000\n\
            wr 0x110600 NV_PFALCON_FBIF_TRANSCFG(GSP, 0) 0x00000005\n";
        assert_eq!(compare(REFERENCE, ours), Ok(2));
        // The other way round there would be a write that only the other driver has.
        assert!(compare(ours, REFERENCE).is_err());
    }

    #[test]
    fn another_value_order_or_end_is_told() {
        let other = REFERENCE.replace("0x00000005", "0x00000004");
        let error = compare(REFERENCE, &other).unwrap_err();
        assert_eq!(
            error.to_string(),
            "after 1 equal writes: \"NV_PFALCON_FBIF_TRANSCFG(GSP, 0) = 0x00000005\" there, \
             \"NV_PFALCON_FBIF_TRANSCFG(GSP, 0) = 0x00000004\" here"
        );
        let engine = REFERENCE.replace("(GSP)", "(SEC2)");
        assert_eq!(compare(REFERENCE, &engine).unwrap_err().after, 0);
        let short: String = REFERENCE.lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(compare(REFERENCE, &short).unwrap_err().ours, "");
        assert_eq!(compare("", ""), Ok(0));
    }
}
