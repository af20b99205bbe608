// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Survival of guest memory that goes away.
//!
//! Guest memory is a file that the machine monitor owns. Unless it is sealed against shrinking,
//! the monitor may truncate it at any time, and the daemon's next access is a SIGBUS, which by
//! default ends the process and with it every other tenant. The handler installed here looks the
//! address up in a table of watched regions, puts zero pages over the whole region and marks it;
//! the access then goes on, and the worker sees the mark and loses that tenant's device.
//!
//! The handler runs in the thread that made the access, at any point of it. It only reads atomics
//! and makes one system call; no lock, no allocation.
#![allow(unsafe_code)] // A signal handler and its mmap can not be had without.

use std::ffi::c_void;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::Arc;

use libc::{c_int, siginfo_t};
use parking_lot::Mutex;
use rustix::mm::{MapFlags, ProtFlags};
use vm_memory::{GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

/// Regions that can be watched at once, over all tenants.
const SLOTS: usize = 4096;

/// No free entry is left in the table of watched regions.
#[derive(Debug, thiserror::Error)]
#[error("more than {SLOTS} memory regions of all tenants together")]
pub struct TableFull;

/// One watched region. Written under [`WRITER`], read by the handler at any time.
///
/// # Invariants
/// `start..start + len` is the whole mapping of a guest memory region, whenever `version` is even
/// and `start` is not 0.
struct Slot {
    /// Odd while the slot is being written.
    version: AtomicU32,
    hit: AtomicBool,
    /// 0 when the slot is free.
    start: AtomicUsize,
    len: AtomicUsize,
}

static TABLE: [Slot; SLOTS] = [const { Slot::free() }; SLOTS];
static WRITER: Mutex<()> = Mutex::new(());

impl Slot {
    const fn free() -> Self {
        Self {
            version: AtomicU32::new(0),
            hit: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
        }
    }

    /// Only under [`WRITER`].
    fn set(&self, start: usize, len: usize) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.start.store(start, Ordering::SeqCst);
        self.len.store(len, Ordering::SeqCst);
        self.hit.store(false, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The region, when `addr` is in it. A slot that is being written is passed over: it is not
    /// the one of the region that the reading thread is accessing, because that one stays watched
    /// until the access is over.
    fn covers(&self, addr: usize) -> Option<(usize, usize)> {
        let version = self.version.load(Ordering::SeqCst);
        let start = self.start.load(Ordering::SeqCst);
        let len = self.len.load(Ordering::SeqCst);
        let stable = version % 2 == 0 && version == self.version.load(Ordering::SeqCst);
        (stable && start != 0 && addr >= start && addr - start < len).then_some((start, len))
    }
}

/// An entry of the table, freed when dropped.
#[derive(Debug)]
struct Entry(usize);

impl Drop for Entry {
    fn drop(&mut self) {
        let _writer = WRITER.lock();
        TABLE[self.0].set(0, 0);
    }
}

/// Watches a guest's memory for as long as a clone of this lives.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    watched: Arc<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    // Dropped before the regions are, which may be unmapped then.
    entries: Vec<Entry>,
    _regions: GuestMemoryMmap,
}

impl Watch {
    /// Watches these regions.
    ///
    /// # Errors
    /// When the table is full.
    pub fn new(regions: &GuestMemoryMmap) -> Result<Self, TableFull> {
        let mut watched = Watched {
            entries: Vec::new(),
            _regions: regions.clone(),
        };
        for region in regions.iter() {
            let _writer = WRITER.lock();
            let free = |slot: &Slot| slot.start.load(Ordering::SeqCst) == 0;
            let index = TABLE.iter().position(free).ok_or(TableFull)?;
            // INVARIANT: `watched` keeps the region mapped for longer than it keeps the entry.
            TABLE[index].set(region.as_ptr() as usize, region.len() as usize);
            watched.entries.push(Entry(index));
        }
        let watched = Arc::new(watched);
        Ok(Self { watched })
    }

    /// Whether one of the regions went away and is zero pages now.
    pub fn is_hit(&self) -> bool {
        let hit = |entry: &Entry| TABLE[entry.0].hit.load(Ordering::Relaxed);
        self.watched.entries.iter().any(hit)
    }
}

/// Installs the handler, for the whole process.
///
/// # Errors
/// When the system refuses it.
pub fn install() -> io::Result<()> {
    let installed = vmm_sys_util::signal::register_signal_handler(libc::SIGBUS, on_sigbus);
    installed.map_err(|error| io::Error::from_raw_os_error(error.errno()))
}

extern "C" fn on_sigbus(_signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    // SAFETY: the handler is installed with SA_SIGINFO, so the kernel passes a valid siginfo, and
    // for a SIGBUS si_addr is the member of the union that is set when si_code is positive.
    let (code, addr) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    // A code of 0 or less is somebody's kill(2), not an access.
    if code > 0 && replace_regions(addr) {
        return;
    }
    // Not ours: as if there were no handler. The signal is blocked here and delivered on return.
    // SAFETY: signal and raise are async-signal-safe, and SIG_DFL is a valid disposition.
    unsafe {
        libc::signal(libc::SIGBUS, libc::SIG_DFL);
        libc::raise(libc::SIGBUS);
    }
}

/// Puts zero pages over the watched region that has `addr`. False when there is none.
fn replace_regions(addr: usize) -> bool {
    let mut replaced = false;
    // A region may have two entries for a moment, while a memory table is changed.
    for slot in &TABLE {
        let Some((start, len)) = slot.covers(addr) else {
            continue;
        };
        if !replaced {
            let protection = ProtFlags::READ | ProtFlags::WRITE;
            let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
            // SAFETY: by the invariant of `Slot` this range was a guest's mapping and nothing
            // else when the slot was read, so what faulted inside it is an access to that
            // mapping by this thread. The access borrows the region, which keeps it mapped until
            // the handler returns, even when it is no longer watched by then. Guest memory is
            // only reached by volatile access through pointers, so no reference sees its
            // contents change.
            let mapped =
                unsafe { rustix::mm::mmap_anonymous(start as *mut c_void, len, protection, flags) };
            if mapped.is_err() {
                return false;
            }
            replaced = true;
        }
        slot.hit.store(true, Ordering::SeqCst);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rustix::fs::{memfd_create, MemfdFlags};
    use vm_memory::{Bytes, FileOffset, GuestAddress};

    use super::*;

    fn guest_memory(len: u64) -> (File, GuestMemoryMmap) {
        let file = File::from(memfd_create("sigbus-test", MemfdFlags::CLOEXEC).unwrap());
        file.set_len(len).unwrap();
        let offset = FileOffset::new(file.try_clone().unwrap(), 0);
        let ranges = [(GuestAddress(0), len as usize, Some(offset))];
        let mem = GuestMemoryMmap::from_ranges_with_files(ranges).unwrap();
        (file, mem)
    }

    #[test]
    fn truncated_memory_reads_as_zero_and_is_marked() {
        install().unwrap();
        let (file, mem) = guest_memory(0x4000);
        let (_other_file, other) = guest_memory(0x4000);
        let (watch, other_watch) = (Watch::new(&mem).unwrap(), Watch::new(&other).unwrap());
        mem.write_obj(0x1234_5678_u32, GuestAddress(0x3000))
            .unwrap();
        file.set_len(0).unwrap();
        assert!(!watch.is_hit());
        assert_eq!(mem.read_obj::<u32>(GuestAddress(0x3000)).unwrap(), 0);
        assert!(watch.is_hit());
        // Writable, too, and the other guest's memory is as it was.
        mem.write_obj(1_u32, GuestAddress(0)).unwrap();
        assert!(!other_watch.is_hit());
    }

    #[test]
    fn an_entry_is_free_again_when_its_watch_is_dropped() {
        let (_file, mem) = guest_memory(0x1000);
        let watch = Watch::new(&mem).unwrap();
        let (index, clone) = (watch.watched.entries[0].0, watch.clone());
        drop(watch);
        assert_ne!(TABLE[index].start.load(Ordering::SeqCst), 0);
        drop(clone);
        let start = mem.iter().next().unwrap().as_ptr() as usize;
        assert_ne!(TABLE[index].start.load(Ordering::SeqCst), start);
    }
}
