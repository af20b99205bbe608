// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The handshake's JSON text: what each side can do.

use serde::{Deserialize, Serialize};

use super::message::{MAX_DATA, MAX_DMA_MAPS, MAX_FDS};

/// The version that both sides here speak.
pub(crate) const MAJOR: u16 = 0;
/// See [`MAJOR`].
pub(crate) const MINOR: u16 = 0;

/// The longest text that is looked at.
pub(crate) const MAX_TEXT: usize = 4096;

#[derive(Debug, Serialize, Deserialize)]
struct Text {
    #[serde(default)]
    capabilities: Capabilities,
}

/// What a side can take. Keys that are not known here are passed over, as the protocol demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capabilities {
    #[serde(default = "one")]
    pub(crate) max_msg_fds: u64,
    #[serde(default = "max_data")]
    pub(crate) max_data_xfer_size: u64,
    #[serde(default = "max_dma_maps")]
    pub(crate) max_dma_maps: u64,
}

fn one() -> u64 {
    1
}

fn max_data() -> u64 {
    u64::from(MAX_DATA)
}

fn max_dma_maps() -> u64 {
    MAX_DMA_MAPS as u64
}

impl Default for Capabilities {
    /// What a side that says nothing can do.
    fn default() -> Self {
        Self {
            max_msg_fds: one(),
            max_data_xfer_size: max_data(),
            max_dma_maps: max_dma_maps(),
        }
    }
}

/// This side's text, with its terminating zero.
pub(crate) fn text() -> Vec<u8> {
    let text = Text {
        capabilities: Capabilities {
            max_msg_fds: MAX_FDS as u64,
            ..Capabilities::default()
        },
    };
    // PANIC: not reachable; a structure of numbers always has a JSON text.
    let mut text = serde_json::to_vec(&text).unwrap_or_default();
    text.push(0);
    text
}

/// The peer's capabilities from its text, which may be empty, and may lack the zero.
pub(crate) fn parse(text: &[u8]) -> Result<Capabilities, serde_json::Error> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Ok(Capabilities::default());
    }
    Ok(serde_json::from_slice::<Text>(text)?.capabilities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_the_protocols_default_and_what_is_unknown_is_passed_over() {
        let ours = parse(&text()).unwrap();
        assert_eq!(ours.max_msg_fds, MAX_FDS as u64);
        for silent in [&b""[..], b"\0", b"{}", b"{\"capabilities\":{}}\0"] {
            assert_eq!(parse(silent).unwrap(), Capabilities::default());
        }
        let text = b"{\"capabilities\":{\"max_data_xfer_size\":4096,\"pgsizes\":4096,\
            \"write_multiple\":true,\"migration\":{\"pgsize\":4096}},\"more\":[]}\0";
        assert_eq!(parse(text).unwrap().max_data_xfer_size, 4096);
        for bad in [&b"{"[..], b"[1]\0", b"{\"capabilities\":3}\0"] {
            assert!(parse(bad).is_err());
        }
    }
}
