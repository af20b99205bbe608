// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a tenant may have, and what it has.

/// Limits of one tenant.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Contexts at once.
    pub max_contexts: u32,
    /// Handles at once, over all contexts.
    pub max_handles: u32,
    /// Memory entries in one request.
    pub max_mem_entries: u32,
    /// Bytes of one object.
    pub max_object_size: u64,
    /// Memory entries at once, over all objects: 24 bytes of the daemon's memory each.
    pub max_total_entries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_contexts: 1024,
            max_handles: 65_536,
            max_mem_entries: 1024,
            max_object_size: 1 << 46,
            max_total_entries: 1 << 20,
        }
    }
}

/// What a tenant has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Contexts.
    pub contexts: u32,
    /// Handles, over all contexts.
    pub handles: u32,
    /// Objects.
    pub objects: u32,
    /// Bytes of all objects.
    pub bytes: u64,
    /// Memory entries of all objects.
    pub entries: u32,
}
