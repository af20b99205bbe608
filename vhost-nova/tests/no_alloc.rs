// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! `GEM_CREATE` and `GEM_CLOSE` (section 6.4 of `docs/virtio-nova.md`) at the device alone: no call of
//! the allocator once it is warm, growth of what there is included.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kernel_abi::virtio_nova::Status;
use vhost_nova::device::{Device, GpuIdentity, Limits, MAX_ANSWER};
use vm_memory::{GuestAddress, GuestMemoryMmap};

thread_local! {
    // Without a destructor and known at compile time: reading it does not allocate.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator; counts the calls of each thread for memory.
struct Counting;

fn count() {
    // A thread that ends has no counter any more, and nobody who asks for it.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// The trait is unsafe, and there is no other way to count one thread's calls, reallocations too.
#[allow(unsafe_code)]
// SAFETY: every call goes to `System` as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: by this function's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: by this function's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: by this function's contract.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: by this function's contract.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn calls_of(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

/// A request of `LEN` bytes whose words from the header's `ctx_id` on are `words`.
fn request<const LEN: usize>(command: u32, words: &[u32]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..4].copy_from_slice(&command.to_le_bytes());
    for (to, word) in bytes[16..].chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

struct Bench {
    device: Device,
    mem: GuestMemoryMmap,
}

impl Bench {
    fn new() -> Self {
        let gpu = GpuIdentity {
            chipset: 0x172,
            boot_0: 0,
            boot_42: 0,
            vram_size: 1 << 30,
            vram_bar_size: 1 << 28,
            chip_name: "GA102".into(),
        };
        Self {
            device: Device::new("alice", gpu, Limits::default(), None).unwrap(),
            mem: GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 1 << 20)]).unwrap(),
        }
    }

    /// The first number behind the answer's header, 0 where there is none.
    fn ok(&mut self, request: &[u8]) -> u32 {
        let mut answer = [0; MAX_ANSWER];
        self.device.handle(&self.mem, request, &mut answer);
        let number = |at: usize| u32::from_le_bytes(answer[at..at + 4].try_into().unwrap());
        assert_eq!(Status::from_raw(number(0)), Some(Status::Ok));
        number(24)
    }

    fn create_and_close(&mut self, ctx: u32) {
        // ctx_id, rest of the header; size, domain, nr_entries; one entry.
        let create = [ctx, 0, 4096, 0, 1, 1, 0x5000, 0, 4096, 0];
        let handle = self.ok(&request::<56>(0x110, &create));
        self.ok(&request::<32>(0x112, &[ctx, 0, handle, 0]));
    }
}

#[test]
fn a_warm_device_creates_and_closes_objects_without_the_allocator() {
    let mut bench = Bench::new();
    bench.ok(&request::<32>(0x100, &[0, 0, 1, 0]));
    let ctx = bench.ok(&request::<48>(0x101, &[0]));
    let cold = calls_of(|| bench.create_and_close(ctx));
    assert_ne!(cold, 0, "the first object is allocated, and that is seen");
    for _ in 0..99 {
        bench.create_and_close(ctx);
    }
    let warm = calls_of(|| {
        for _ in 0..1000 {
            bench.create_and_close(ctx);
        }
    });
    assert_eq!(warm, 0);
    assert_eq!(bench.device.stats().objects, 0);
}

#[test]
fn allocations_and_growth_are_counted() {
    let mut bytes = Vec::<u8>::new();
    assert_eq!(calls_of(|| bytes.reserve_exact(1)), 1);
    assert_eq!(calls_of(|| bytes.reserve_exact(100)), 1);
    assert_eq!(calls_of(|| bytes.push(1)), 0);
    assert_eq!(calls_of(|| drop(std::hint::black_box(vec![0u8; 64]))), 1);
}
