// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `virtio`, with the machine's entropy device (VIRTIO 5.4), which answers each request with random bytes.

use crate::{sys, test::TestResult};
use core::{
    ffi::CStr,
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KBox, KVec},
    device::{self, AsBusDevice, Bound, Device, Normal},
    error::{
        code::{EIO, ENOSPC},
        Error, Result,
    },
    new_spinlock_irq,
    sync::SpinLockIrq,
    types::ARef,
    virtio::{self, DeviceId, Fifo, IdTable, Registration, Request, Virtqueue},
};
use pinned_init::{pin_data, try_pin_init};

const ENTROPY: u32 = 4;
const IDS: IdTable = IdTable::new(&[DeviceId::new(ENTROPY), DeviceId::END]);
const F_VERSION_1: u32 = 32;
const LEN: usize = 64;

/// What the driver has seen, for the test, which does not see the driver.
static PROBED: AtomicU32 = AtomicU32::new(0);
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
static UNPLUGGED: AtomicBool = AtomicBool::new(false);
static STOPPED: AtomicBool = AtomicBool::new(false);

#[pin_data]
struct Entropy {
    #[pin]
    queue: SpinLockIrq<Option<Virtqueue<u32>>>,
}

fn request(context: u32) -> Result<KBox<Request<u32>>> {
    Request::new(KVec::new(), LEN, context)
}

impl virtio::Driver for Entropy {
    const NAME: &'static CStr = c"selftest_entropy";

    fn accept(device: &virtio::Device<Bound>) -> Result {
        // The device has no configuration space to read more of.
        device.read_config(0, &mut []);
        let base: &Device<Bound> = device.as_ref();
        let kept: ARef<Device> = ARef::from(&**base);
        // SAFETY: counted, and embedded in a virtio device.
        let (same, around) = unsafe {
            (
                Device::<Normal>::from_raw(kept.as_raw()),
                virtio::Device::from_device(&kept),
            )
        };
        if !same.name().to_bytes().starts_with(b"virtio") || !same.is_same(base) {
            return Err(EIO);
        }
        if around.as_raw() != device.as_raw() {
            return Err(EIO);
        }
        if virtio::Device::memory_is_encrypted() {
            return Err(EIO);
        }
        match device.has_feature(F_VERSION_1) {
            true => Ok(()),
            false => Err(EIO),
        }
    }

    fn probe(device: &virtio::Device<Bound>) -> Result<Pin<KBox<Self>>> {
        let [queue] = device.find_queues([c"requests"])?;
        let queue = Virtqueue::new(queue);
        KBox::pin_init(
            try_pin_init!(Self {
                queue <- new_spinlock_irq!(Some(queue), "Entropy::queue"),
            }? Error),
            GFP_KERNEL,
        )
    }

    fn ready(self: Pin<&Self>, device: &virtio::Device<Bound>) -> Result {
        let added = self.fill()?;
        self.answers(added)?;
        // One more, which nobody takes: the reset gives it back.
        let left = request(0)?;
        let mut held = self.queue.lock();
        let queue = (*held).as_mut().ok_or(EIO)?;
        queue.disable_interrupts();
        queue.add(left).map_err(|(_, error)| error)?;
        drop(held);
        device::register::<Unplugged, Error>(device.as_ref(), Ok(Unplugged), GFP_KERNEL)?;
        PROBED.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn queue_interrupt(self: Pin<&Self>, index: u32) {
        if index == 0 {
            INTERRUPTS.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn stopped(self: Pin<&Self>) {
        let queue = self.queue.lock().take();
        if let Some(mut queue) = queue {
            while queue.detach_unused().is_some() {}
            STOPPED.store(true, Ordering::SeqCst);
        }
    }
}

impl Entropy {
    /// Adds requests until the ring is full, and tells the device; returns how many there are.
    fn fill(&self) -> Result<u32> {
        let mut waiting = Fifo::new();
        for context in 0..4096 {
            waiting.push(request(context)?);
        }
        let mut held = self.queue.lock();
        let queue = (*held).as_mut().ok_or(EIO)?;
        // A hint only: interrupts come again below.
        queue.disable_interrupts();
        let mut added = 0;
        while let Some(next) = waiting.pop() {
            match queue.add(next) {
                Ok(()) => added += 1,
                Err((back, error)) => {
                    // It comes back whole, in its place.
                    waiting.push_front(back);
                    if error != ENOSPC || waiting.pop().map(|back| back.context) != Some(added) {
                        return Err(EIO);
                    }
                    break;
                }
            }
        }
        let quiet = queue.enable_interrupts();
        queue.kick();
        match added > 0 && quiet {
            true => Ok(added),
            false => Err(EIO),
        }
    }

    /// Waits for the answers, which come in order and are random.
    fn answers(&self, added: u32) -> Result {
        let mut seen = [0; LEN];
        for context in 0..added {
            let (request, len) = self.answer()?;
            let bytes = request.writable().get(..len).ok_or(EIO)?;
            if request.context != context || !request.readable().is_empty() || len == 0 {
                return Err(EIO);
            }
            if bytes.iter().all(|byte| *byte == 0) || seen.get(..len) == Some(bytes) {
                return Err(EIO);
            }
            seen.get_mut(..len).ok_or(EIO)?.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn answer(&self) -> Result<(KBox<Request<u32>>, usize)> {
        for _ in 0..5000 {
            let mut held = self.queue.lock();
            let answer = (*held).as_mut().and_then(Virtqueue::get);
            drop(held);
            if let Some(answer) = answer {
                return Ok(answer);
            }
            sys::sleep_ms(1);
        }
        Err(EIO)
    }
}

/// Given to the device: dropped when it is unbound, while it still answers.
struct Unplugged;

impl Drop for Unplugged {
    fn drop(&mut self) {
        UNPLUGGED.store(!STOPPED.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

/// A machine without an entropy device cannot run this.
fn a_driver_works_with_a_device() -> TestResult {
    let before = PROBED.load(Ordering::SeqCst);
    let registration = Registration::new::<Entropy>(IDS, &crate::THIS_MODULE)?;
    check_eq!(PROBED.load(Ordering::SeqCst), before + 1);
    check!(INTERRUPTS.load(Ordering::SeqCst) > 0);
    check!(!UNPLUGGED.load(Ordering::SeqCst));
    drop(registration);
    check!(UNPLUGGED.load(Ordering::SeqCst));
    check!(STOPPED.load(Ordering::SeqCst));
    Ok(())
}

fn requests_wait_in_their_order() -> TestResult {
    let mut fifo = Fifo::default();
    check!(fifo.is_empty());
    for context in 0..3 {
        fifo.push(request(context)?);
    }
    let mut first = some!(fifo.pop());
    check_eq!(first.context, 0);
    first.readable_mut().push(7, GFP_KERNEL)?;
    check_eq!(first.readable(), [7]);
    check_eq!(first.writable(), [0; LEN]);
    fifo.push_front(first);
    for context in 0..3 {
        check_eq!(some!(fifo.pop()).context, context);
    }
    check!(fifo.pop().is_none());
    Ok(())
}

selftests! {
    a_driver_works_with_a_device => [
        kernel_abi::virtio::Driver, kernel_abi::virtio::DeviceId, kernel_abi::virtio::DeviceId::new,
        kernel_abi::virtio::DeviceId::END, kernel_abi::virtio::IdTable, kernel_abi::virtio::IdTable::new,
        kernel_abi::virtio::Registration, kernel_abi::virtio::Registration::new, kernel_abi::virtio::Device,
        kernel_abi::virtio::Device::as_raw,  kernel_abi::device::Device,
        kernel_abi::device::Device::from_raw, kernel_abi::device::Device::as_raw, kernel_abi::device::Device::name,
        kernel_abi::device::Device::is_same, kernel_abi::device::AsBusDevice, kernel_abi::device::register,
        kernel_abi::device::Bound, kernel_abi::device::Normal, kernel_abi::device::DeviceContext,         kernel_abi::virtio::Device::has_feature, kernel_abi::virtio::Device::read_config,
        kernel_abi::virtio::Device::find_queues, kernel_abi::virtio::Device::memory_is_encrypted,
        kernel_abi::virtio::RawQueue, kernel_abi::virtio::Virtqueue, kernel_abi::virtio::Virtqueue::new,
        kernel_abi::virtio::Virtqueue::add, kernel_abi::virtio::Virtqueue::get, kernel_abi::virtio::Virtqueue::kick,
        kernel_abi::virtio::Virtqueue::detach_unused, kernel_abi::virtio::Virtqueue::disable_interrupts,
        kernel_abi::virtio::Virtqueue::enable_interrupts,
    ];
    requests_wait_in_their_order => [
        kernel_abi::virtio::Request, kernel_abi::virtio::Request::new, kernel_abi::virtio::Request::readable,
        kernel_abi::virtio::Request::readable_mut, kernel_abi::virtio::Request::writable,
        kernel_abi::virtio::Fifo, kernel_abi::virtio::Fifo::new, kernel_abi::virtio::Fifo::is_empty,
        kernel_abi::virtio::Fifo::push, kernel_abi::virtio::Fifo::push_front, kernel_abi::virtio::Fifo::pop,
    ];
}
