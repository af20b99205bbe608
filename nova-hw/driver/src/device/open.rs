// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! From a booted GPU to a device, and back.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    Arc, Weak,
};

use nova_pci::{Pci, PciError};
use parking_lot::Mutex;

use super::{
    budget::Budget, owner::OwnerParts, scrub::ScrubQueue, OpenError, OwnerHandle, Shared, WorkError,
};
use crate::{
    boot::Booted,
    error::Cause,
    event::{Channels, FaultReason, Service, Signal, Tree, Worker},
    gsp::RmEvent,
    info::BootInfo,
    mem::{Limits, MemoryManager, Resource},
    rm::{Client, Engines, RmError},
};

/// What the daemon itself may have: a channel and what belongs to it.
const DAEMON_OBJECTS: u64 = 4;

/// A GPU that does work for owners.
///
/// ```
/// # use nova_driver::{BootOptions, FirmwareSet, Gpu};
/// use nova_driver::{
///     mem::{Limits, Resource, VramRequest},
///     mmu::MapFlags,
///     Command, CopyQueue,
/// };
/// use std::time::Duration;
/// # let gpu = Gpu::probe(nova_model::Model::builder().vram(256 << 20).build()?)?;
/// # let chipset = gpu.info().chipset;
/// # let files = nova_spec::firmware::set::Synthetic::default().files(chipset)?;
/// # let folder = chipset.firmware_folder();
/// # let firmware: FirmwareSet = files
/// #     .into_iter()
/// #     .map(|file| (format!("{folder}/{}", file.name), file.content))
/// #     .collect();
///
/// let booted = gpu.boot(&firmware, &BootOptions::default())?;
/// let device = booted.open()?;
/// let limits = Limits::UNLIMITED
///     .with(Resource::Channels, 4)
///     .with(Resource::ChannelGroups, 4)
///     .with(Resource::AddressSpaces, 4);
/// let owner = device.owner("a tenant", limits)?;
///
/// // 1 MiB of VRAM and 64 KiB of system memory, in one address space.
/// let space = owner.address_space(0x10_0000..1 << 40)?;
/// let video = owner.alloc_vram(&VramRequest::buffer(1 << 20))?;
/// let system = owner.alloc_system(64 << 10)?;
/// space.map(0x100_0000, video, 0, 1 << 20, MapFlags::default())?;
/// space.map(0x200_0000, system.clone(), 0, 64 << 10, MapFlags::default())?;
///
/// // There and back.
/// let queue = owner.copy_queue(&space, 0, 0x1000_0000)?;
/// system.memory().write(0, b"hello")?;
/// let there = Command::Copy { src: 0x200_0000, dst: 0x104_0000, len: 5 };
/// let back = Command::Copy { src: 0x104_0000, dst: 0x200_8000, len: 5 };
/// queue.submit(&[there, back])?.wait(Duration::from_secs(10))?;
/// let mut copied = [0; 5];
/// system.memory().read(0x8000, &mut copied)?;
/// assert_eq!(&copied, b"hello");
///
/// drop((queue, space, system, owner));
/// device.close().unload()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
/// The fields are in the order in which they are dropped.
pub struct Device<P: Pci + 'static> {
    parts: Open<P>,
    booted: Booted<P>,
}

/// What makes a booted GPU a device. Dropping it ends whatever the owners have.
struct Open<P: Pci + 'static> {
    service: Option<Service>,
    scrubber: Option<Arc<Mutex<ScrubQueue<P>>>>,
    daemon: Option<Arc<OwnerParts<P>>>,
    shared: Arc<Shared<P>>,
}

impl<P: Pci> Shared<P> {
    /// Scrubs what owners have given back; how many bytes it was.
    pub(crate) fn scrub(&self) -> Result<u64, WorkError> {
        let scrubber = self.scrubber.lock().upgrade();
        let scrubber = scrubber.ok_or(RmError::Closed)?;
        let scrubbed = scrubber.lock().scrub_all()?;
        Ok(scrubbed)
    }
}

impl<P: Pci + 'static> Booted<P> {
    /// Makes a device of it: RM's tables are read, interrupts are on where the device has them,
    /// and all VRAM is scrubbed.
    ///
    /// # Errors
    /// The first thing that failed. The GPU was unloaded then.
    pub fn open(self) -> Result<Device<P>, OpenError> {
        let mut device = self.prepare().map_err(OpenError)?;
        device.start().map_err(OpenError)?;
        Ok(device)
    }

    fn prepare(self) -> Result<Device<P>, WorkError> {
        let memory: &Arc<MemoryManager<P>> = self.memory();
        let (card, rm) = (self.gpu().card().clone(), self.rm().clone());
        let channels = Arc::<Channels>::default();
        let sink = channels.clone();
        let events = Box::new(move |event| match event {
            RmEvent::Rc(event) => sink.rc_triggered(&event),
            // RM looks at its fault buffer itself, and tells of the channel.
            RmEvent::MmuFaultQueued => tracing::debug!("a fault is in RM's buffer"),
        });
        let (lost_channels, lost_memory) = (channels.clone(), Arc::downgrade(memory));
        let on_loss = Box::new(move |is_cut_off| {
            lost_channels.end_all(FaultReason::Lost);
            // What a card may still reach stays with the manager.
            if let Some(memory) = lost_memory.upgrade().filter(|_| is_cut_off) {
                memory.close();
            }
        });
        rm.set_sinks(events, on_loss);

        let budget = Budget::new();
        let limits = Limits::UNLIMITED
            .with(Resource::Channels, DAEMON_OBJECTS)
            .with(Resource::ChannelGroups, DAEMON_OBJECTS)
            .with(Resource::AddressSpaces, DAEMON_OBJECTS);
        let share = budget.take(&limits);
        let share = share.map_err(|(asked, left)| WorkError::Budget { asked, left })?;
        // The tables are the card's, not an owner's: whoever asks.
        let client = Client::new(&rm, share.number(), "nova-driver")?;
        let engines = Engines::read(&client)?;
        let signals = engines.copy.iter().map(|_| Arc::default());
        let shared = Arc::new(Shared {
            card,
            rm,
            memory: memory.clone(),
            signals: signals.collect::<Vec<Arc<Signal>>>(),
            engines,
            channels,
            budget,
            owners: Mutex::default(),
            scrubber: Mutex::new(Weak::new()),
            has_interrupts: AtomicBool::new(false),
        });
        let daemon = OwnerParts::with_client(&shared, memory.daemon().clone(), share, client)?;
        Ok(Device {
            parts: Open {
                service: None,
                scrubber: None,
                daemon: Some(daemon),
                shared,
            },
            booted: self,
        })
    }
}

impl<P: Pci + 'static> Device<P> {
    /// Turns interrupts on and scrubs all VRAM.
    fn start(&mut self) -> Result<(), WorkError> {
        let parts = &mut self.parts;
        let shared = &parts.shared;
        match shared.card.pci().enable_msi() {
            Ok(interrupt) => {
                let engines = shared.engines.copy.iter().zip(&shared.signals);
                let engines = engines
                    .filter_map(|(engine, signal)| Some((engine.non_stall?, signal.clone())));
                let worker = Worker {
                    card: shared.card.clone(),
                    rm: shared.rm.clone(),
                    channels: shared.channels.clone(),
                    tree: Tree::new(shared.engines.vectors()),
                    gsp: shared.engines.gsp_stall,
                    engines: engines.collect(),
                };
                // MSI is on, and turned off again also when there is no thread.
                shared.has_interrupts.store(true, Ordering::Relaxed);
                parts.service = Some(Service::start(worker, interrupt)?);
            }
            Err(PciError::NoMsi) => {
                tracing::warn!("the GPU has no MSI: whoever waits for it looks again and again");
            }
            Err(error) => return Err(Cause::from(error).into()),
        }
        let first = shared.engines.copy.first();
        let engine = first.ok_or(WorkError::NoEngine(0))?.index;
        let daemon = parts.daemon.as_ref().ok_or(RmError::Closed)?;
        let scrubber = Arc::new(Mutex::new(ScrubQueue::new(daemon, engine)?));
        *shared.scrubber.lock() = Arc::downgrade(&scrubber);
        parts.scrubber = Some(scrubber);
        let scrubbed = shared.scrub()?;
        tracing::info!(mib = scrubbed >> 20, "VRAM scrubbed");
        Ok(())
    }

    /// What is known of the GPU.
    pub fn info(&self) -> &BootInfo {
        self.booted.info()
    }

    /// The copy engines, by their index: `COPY0` and so on.
    pub fn copy_engines(&self) -> impl Iterator<Item = u32> + '_ {
        let engines = &self.parts.shared.engines;
        engines.copy.iter().map(|engine| engine.index)
    }

    /// The memory of the GPU: figures, and what is given back.
    pub fn memory(&self) -> &Arc<MemoryManager<P>> {
        &self.parts.shared.memory
    }

    /// A new owner. Its limits of channels, groups and address spaces are set aside for it.
    ///
    /// # Errors
    /// [`WorkError::Budget`] when the card does not take as many, and when RM makes no client.
    pub fn owner(&self, name: &str, limits: Limits) -> Result<OwnerHandle<P>, WorkError> {
        let shared = &self.parts.shared;
        let share = shared.budget.take(&limits);
        let share = share.map_err(|(asked, left)| WorkError::Budget { asked, left })?;
        let owner = shared.memory.owner(name, limits);
        Ok(OwnerHandle::new(OwnerParts::new(shared, owner, share)?))
    }

    /// Scrubs the VRAM that owners have given back; how many bytes it was. It is free for others
    /// after that, and its last owner pays for it until then.
    ///
    /// # Errors
    /// When it could not be scrubbed; it stays dirty.
    pub fn scrub(&self) -> Result<u64, WorkError> {
        self.parts.shared.scrub()
    }

    /// Takes care of what RM has to say, without waiting; how many events it were. Only needed
    /// where [`Self::has_interrupts`] is not.
    ///
    /// # Errors
    /// When the card is lost.
    pub fn handle_events(&self) -> Result<u32, RmError> {
        self.parts.shared.rm.handle_events()
    }

    /// Whether interrupts are taken care of, by a thread of the driver's.
    pub fn has_interrupts(&self) -> bool {
        self.parts.shared.has_interrupts.load(Ordering::Relaxed)
    }

    /// Whether the card is lost: `Ok` when not.
    ///
    /// # Errors
    /// [`RmError::Lost`], with the reason.
    pub fn check(&self) -> Result<(), RmError> {
        self.parts.shared.rm.check()
    }

    /// Ends whatever the owners still have, and gives the booted GPU back. What owners hold is
    /// of no use any more, and is best dropped before.
    pub fn close(self) -> Booted<P> {
        let Self { parts, booted } = self;
        drop(parts);
        booted
    }
}

impl<P: Pci + 'static> Drop for Open<P> {
    fn drop(&mut self) {
        let shared = self.shared.clone();
        self.scrubber = None;
        // A client that is gone has taken its channels off the GPU.
        let owners: Vec<_> = {
            let owners = shared.owners.lock();
            owners.iter().filter_map(Weak::upgrade).collect()
        };
        for owner in &owners {
            if let Err(error) = owner.client.free_all() {
                tracing::warn!(%error, owner = %owner.owner, "an owner's client stays");
            }
        }
        shared.channels.end_all(FaultReason::Closed);
        self.daemon = None;
        drop(owners);
        self.stop_interrupts();
        shared.rm.clear_sinks();
    }
}

impl<P: Pci + 'static> Open<P> {
    fn stop_interrupts(&mut self) {
        let shared = &self.shared;
        if !shared.has_interrupts.swap(false, Ordering::Relaxed) {
            return;
        }
        self.service = None;
        if let Err(error) = Tree::default().disable(&shared.card) {
            tracing::debug!(%error, "the interrupt tree was not turned off");
        }
        if let Err(error) = shared.card.pci().disable_msi() {
            tracing::warn!(%error, "MSI was not turned off");
        }
    }
}
