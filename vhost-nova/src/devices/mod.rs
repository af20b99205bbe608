// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `vhost-nova devices`: the NVIDIA cards of this host, and what is missing until one can be
//! shared. Nothing is opened or changed: all of it is read in sysfs.
//!
//! | module | role |
//! |---|---|
//! | `card` | what is known of a card |
//! | `firmware` | which chips have firmware installed |
//! | `next` | what to type next |
//! | `report` | for people |

mod card;
mod firmware;
mod next;
mod report;

use std::io::Write;
use std::path::PathBuf;

use nova_transport::sysfs::Sysfs;

use self::card::Card;
pub use self::firmware::Folders;
use crate::error::{Context, Error};

/// What to list, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where sysfs is mounted.
    pub sysfs: PathBuf,
    /// Where firmware is looked for.
    pub firmware: Folders,
    /// For programs.
    pub json: bool,
}

/// Lists the cards on `out`.
///
/// # Errors
/// When sysfs can not be read, or `out` not written.
pub fn devices(options: &Options, out: &mut impl Write) -> Result<(), Error> {
    let cards = Card::all(&Sysfs::new(&options.sysfs), &options.firmware);
    let cards = cards.context("reading sysfs")?;
    let text = match options.json {
        true => serde_json::to_string_pretty(&cards).context("writing JSON")? + "\n",
        false => report::text(&cards),
    };
    out.write_all(text.as_bytes()).context("writing the list")
}

#[cfg(test)]
mod tests;
