// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A connection to a vhost-user device, with guest memory and queues.
//!
//! The messages come in the order of the monitor that the [`Profile`] names.

use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use vhost::vhost_user::message::{
    VhostUserConfigFlags, VhostUserHeaderFlag, VhostUserProtocolFeatures,
};
use vhost::vhost_user::{Frontend, VhostUserFrontend};
use vhost::{VhostBackend, VringConfigData};

use crate::profile::Profile;
use crate::ram::Ram;
use crate::virtqueue::{Chain, Virtqueue};
use crate::LONG;

const PROTOCOL_FEATURES: u64 = 1 << 30;
const EVENT_IDX: u64 = 1 << 29;

/// What to connect with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose handshake.
    pub profile: Profile,
    /// Sizes of the queues, powers of two; also their number.
    pub queue_sizes: Vec<u16>,
    /// Regions of guest memory: start and length. Rings and buffers go into the first.
    pub regions: Vec<(u64, u64)>,
    /// Features that the guest's driver does not acknowledge although it could.
    pub without_features: u64,
}

impl Options {
    /// Two queues of the monitor's usual size, 16 MiB of memory at address 0.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            queue_sizes: profile.queue_sizes(2),
            regions: vec![(0, 16 << 20)],
            without_features: 0,
        }
    }

    /// With these regions of guest memory.
    pub fn regions(mut self, regions: &[(u64, u64)]) -> Self {
        self.regions = regions.to_vec();
        self
    }

    /// With queues of these sizes.
    pub fn queue_sizes(mut self, sizes: &[u16]) -> Self {
        self.queue_sizes = sizes.to_vec();
        self
    }

    /// With a driver that does not acknowledge these feature bits.
    pub fn without_features(mut self, features: u64) -> Self {
        self.without_features = features;
        self
    }
}

/// A machine monitor with a guest.
pub struct Vmm {
    /// Guest memory.
    pub ram: Ram,
    queues: Vec<Virtqueue>,
    frontend: Frontend,
    profile: Profile,
    offered: u64,
    features: u64,
    protocol: VhostUserProtocolFeatures,
}

impl Vmm {
    /// Connects, starts, and is ready for requests.
    ///
    /// # Errors
    /// When the device refuses something, or there is none.
    pub fn attach(socket: impl AsRef<Path>, options: Options) -> Result<Self> {
        let mut vmm = Self::connect(socket, options)?;
        vmm.start()?;
        Ok(vmm)
    }

    /// Connects and negotiates, as a monitor does when its device is made. The guest's driver has
    /// done nothing yet: no memory is told, no ring is started.
    ///
    /// # Errors
    /// When the device refuses something, or there is none.
    pub fn connect(socket: impl AsRef<Path>, options: Options) -> Result<Self> {
        let socket = socket.as_ref();
        let stream = UnixStream::connect(socket);
        let stream = stream.with_context(|| format!("connecting to {}", socket.display()))?;
        Self::over(stream, options)
    }

    /// As [`connect`](Self::connect), over a connected socket.
    ///
    /// # Errors
    /// When the device refuses something.
    pub fn over(stream: UnixStream, options: Options) -> Result<Self> {
        let Options {
            profile,
            queue_sizes,
            regions,
            without_features,
        } = options;
        let mut frontend = Frontend::from_stream(stream, queue_sizes.len() as u64);
        // cloud-hypervisor owns the session first, QEMU at the end of its handshake.
        if profile == Profile::CloudHypervisor53 {
            frontend.set_owner().context("SET_OWNER")?;
        }
        let offered = frontend.get_features().context("GET_FEATURES")?;
        let mut protocol = VhostUserProtocolFeatures::empty();
        if offered & PROTOCOL_FEATURES != 0 {
            let backend = frontend.get_protocol_features();
            protocol = backend.context("GET_PROTOCOL_FEATURES")? & profile.protocol_mask();
            let set = frontend.set_protocol_features(protocol);
            set.context("SET_PROTOCOL_FEATURES")?;
            if protocol.contains(VhostUserProtocolFeatures::REPLY_ACK) {
                frontend.set_hdr_flags(VhostUserHeaderFlag::NEED_REPLY);
            }
            if protocol.contains(VhostUserProtocolFeatures::MQ) {
                let number = frontend.get_queue_num().context("GET_QUEUE_NUM")?;
                let wanted = queue_sizes.len() as u64;
                ensure!(
                    number >= wanted,
                    "the device has {number} queues, {wanted} are wanted"
                );
            }
        }
        let driver = profile.driver_features(offered) & !without_features;
        let mut ram = Ram::new(&regions)?;
        let queues = queue_sizes
            .iter()
            .map(|&size| Virtqueue::new(&mut ram, size, driver & EVENT_IDX != 0))
            .collect::<Result<Vec<_>>>()?;
        if profile == Profile::Qemu {
            frontend.set_owner().context("SET_OWNER")?;
            for (index, queue) in queues.iter().enumerate() {
                let set = frontend.set_vring_call(index, queue.call_fd());
                set.context("SET_VRING_CALL")?;
            }
        }
        Ok(Self {
            ram,
            queues,
            frontend,
            profile,
            offered,
            features: driver | (offered & PROTOCOL_FEATURES),
            protocol,
        })
    }

    /// Tells the device memory and rings and starts them, as when the guest's driver sets
    /// DRIVER_OK.
    ///
    /// # Errors
    /// When the device refuses something.
    pub fn start(&mut self) -> Result<()> {
        self.frontend
            .set_features(self.features)
            .context("SET_FEATURES")?;
        self.set_memory()?;
        if self.profile == Profile::CloudHypervisor53 {
            // It sends all sizes first, because some device wants to know them early.
            for index in 0..self.queues.len() {
                self.set_size(index)?;
            }
        }
        for index in 0..self.queues.len() {
            self.start_ring(index)?;
        }
        for index in 0..self.queues.len() {
            self.enable(index, true)?;
        }
        Ok(())
    }

    /// Tells the device the memory table as [`Ram::table`] has it now.
    ///
    /// # Errors
    /// When the device refuses it.
    pub fn set_memory(&mut self) -> Result<()> {
        let told = self.frontend.set_mem_table(&self.ram.table()?);
        told.context("SET_MEM_TABLE")?;
        Ok(())
    }

    fn set_size(&mut self, index: usize) -> Result<()> {
        let size = self.queues[index].size();
        let set = self.frontend.set_vring_num(index, size);
        set.context("SET_VRING_NUM")
    }

    fn start_ring(&mut self, index: usize) -> Result<()> {
        if self.profile == Profile::Qemu {
            self.set_size(index)?;
        }
        let (frontend, queue) = (&mut self.frontend, &self.queues[index]);
        let (descriptors, avail, used) = queue.addresses();
        let addresses = VringConfigData {
            queue_max_size: queue.size(),
            queue_size: queue.size(),
            flags: 0,
            desc_table_addr: self.ram.host_addr(descriptors)?,
            used_ring_addr: self.ram.host_addr(used)?,
            avail_ring_addr: self.ram.host_addr(avail)?,
            log_addr: None,
        };
        let set = frontend.set_vring_addr(index, &addresses);
        set.context("SET_VRING_ADDR")?;
        let set = frontend.set_vring_base(index, queue.avail_index());
        set.context("SET_VRING_BASE")?;
        let set = frontend.set_vring_call(index, queue.call_fd());
        set.context("SET_VRING_CALL")?;
        let set = frontend.set_vring_kick(index, queue.kick_fd());
        set.context("SET_VRING_KICK")
    }

    /// Enables or disables a ring; disabling both is how cloud-hypervisor pauses a device.
    ///
    /// # Errors
    /// When the device refuses it.
    pub fn enable(&mut self, index: usize, enable: bool) -> Result<()> {
        if self.features & PROTOCOL_FEATURES == 0 {
            return Ok(());
        }
        let set = self.frontend.set_vring_enable(index, enable);
        set.context("SET_VRING_ENABLE")
    }

    /// Stops both rings, as on a reset by the guest. Returns each ring's available index.
    ///
    /// # Errors
    /// When the device refuses it.
    pub fn stop(&mut self) -> Result<Vec<u32>> {
        for index in 0..self.queues.len() {
            self.enable(index, false)?;
        }
        (0..self.queues.len())
            .map(|index| {
                let base = self.frontend.get_vring_base(index);
                base.context("GET_VRING_BASE")
            })
            .collect()
    }

    /// Stops, and starts again with empty rings, as when a guest reboots.
    ///
    /// # Errors
    /// When the device refuses something.
    pub fn reboot(&mut self) -> Result<()> {
        self.stop()?;
        for queue in &mut self.queues {
            queue.reset(&self.ram)?;
        }
        self.start()
    }

    /// Sends RESET_DEVICE.
    ///
    /// # Errors
    /// When the device refuses it or does not offer it.
    pub fn reset_device(&mut self) -> Result<()> {
        self.frontend.reset_device().context("RESET_DEVICE")
    }

    /// Reads the configuration space.
    ///
    /// # Errors
    /// When the device answers with an error or another length.
    pub fn config(&mut self, offset: u32, len: u32) -> Result<Vec<u8>> {
        let room = vec![0; len as usize];
        let flags = VhostUserConfigFlags::empty();
        let read = self.frontend.get_config(offset, len, flags, &room);
        Ok(read.context("GET_CONFIG")?.1)
    }

    /// Writes the configuration space.
    ///
    /// # Errors
    /// When the device refuses it.
    pub fn set_config(&mut self, offset: u32, bytes: &[u8]) -> Result<()> {
        let flags = VhostUserConfigFlags::WRITABLE;
        let set = self.frontend.set_config(offset, flags, bytes);
        set.context("SET_CONFIG")
    }

    /// One queue, with the memory that it lies in.
    pub fn queue(&mut self, index: usize) -> (&mut Ram, &mut Virtqueue) {
        (&mut self.ram, &mut self.queues[index])
    }

    /// Sends a request on queue 0 as one readable and one writable buffer of `room` bytes, waits,
    /// and returns as many bytes of the latter as the device says it wrote.
    ///
    /// # Errors
    /// When nothing comes back, or another chain does.
    pub fn request(&mut self, request: &[u8], room: u32) -> Result<Vec<u8>> {
        let mark = self.ram.mark();
        let readable = self.ram.alloc(request.len() as u64)?;
        let writable = self.ram.alloc(room.into())?;
        self.ram.write(readable, request)?;
        self.ram.write(writable, &vec![0; room as usize])?;
        let chain = Chain {
            readable: vec![(readable, request.len() as u32)],
            writable: vec![(writable, room)],
            indirect: None,
        };
        let answer = self.send(&chain);
        self.ram.rewind(mark);
        answer
    }

    /// Sends a chain on queue 0, waits, and returns as many bytes of its writable buffers as the
    /// device says it wrote.
    ///
    /// # Errors
    /// When nothing comes back, or another chain does.
    pub fn send(&mut self, chain: &Chain) -> Result<Vec<u8>> {
        let (ram, queue) = self.queue(0);
        let head = queue.send(ram, chain)?;
        let used = queue.wait_used(ram, LONG)?;
        ensure!(
            used.id == u32::from(head),
            "chain {} came back, not {head}",
            used.id
        );
        let mut left = used.len as usize;
        let mut answer = Vec::new();
        for &(addr, len) in &chain.writable {
            let now = left.min(len as usize);
            answer.extend(ram.read(addr, now)?);
            left -= now;
        }
        ensure!(left == 0, "a used length of {} is too much", used.len);
        Ok(answer)
    }

    /// Feature bits that the device offered.
    pub fn offered_features(&self) -> u64 {
        self.offered
    }

    /// Feature bits that were acknowledged.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// Protocol features that were acknowledged.
    pub fn protocol_features(&self) -> VhostUserProtocolFeatures {
        self.protocol
    }

    /// Whose handshake it was.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The frontend, for messages that have no method here.
    pub fn frontend(&mut self) -> &mut Frontend {
        &mut self.frontend
    }
}
