// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Calls to GSP-RM, and what a channel needs of it.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{put32, put64, u32_at, Driver, Message, Outcome};

pub const CLIENT: u32 = 0xc1d0_0001;
pub const DEVICE: u32 = 0xde1d_0000;
pub const SUBDEVICE: u32 = 0x5d1d_0000;
pub const VASPACE: u32 = 0x90f1_0000;
/// Copy engine 0 in clients' numbers.
pub const COPY0: u32 = 9;

/// What a channel is made of, in VRAM but for the ring.
#[derive(Clone, Copy, Debug)]
pub struct ChannelMemory {
    pub instance: u64,
    pub userd: u64,
    pub notifier: u64,
    /// Bus address.
    pub method_buffer: u64,
    /// Virtual address.
    pub ring: u64,
    pub entries: u32,
}

impl Driver {
    /// Makes an object.
    pub fn rm_alloc(&mut self, parent: u32, object: u32, class: u32, params: &[u8]) -> Outcome {
        let mut call = vec![0; 32];
        let words = [CLIENT, parent, object, class, 0, params.len() as u32];
        for (i, word) in words.into_iter().enumerate() {
            put32(&mut call, 4 * i, word);
        }
        call.extend(params);
        self.send(103, &call);
        let reply = self.receive(103)?;
        match (reply.result, u32_at(&reply.payload, 16)) {
            (0, 0) => Ok(()),
            status => Err(format!("alloc of {class:#x}: {status:x?}")),
        }
    }

    /// Controls an object: the parameters as RM leaves them.
    pub fn rm_control(&mut self, object: u32, control: u32, params: &[u8]) -> Outcome<Vec<u8>> {
        let mut call = vec![0; 24];
        let words = [CLIENT, object, control, 0, params.len() as u32];
        for (i, word) in words.into_iter().enumerate() {
            put32(&mut call, 4 * i, word);
        }
        call.extend(params);
        self.send(76, &call);
        let reply = self.receive(76)?;
        match (reply.result, u32_at(&reply.payload, 12)) {
            (0, 0) => Ok(reply.payload[24..].to_vec()),
            status => Err(format!("control {control:#x}: {status:x?}")),
        }
    }

    /// Frees an object.
    pub fn rm_free(&mut self, object: u32) -> Outcome {
        let mut call = vec![0; 16];
        put32(&mut call, 0, CLIENT);
        put32(&mut call, 8, object);
        self.send(10, &call);
        let reply = self.receive(10)?;
        match (reply.result, u32_at(&reply.payload, 12)) {
            (0, 0) => Ok(()),
            status => Err(format!("free of {object:#x}: {status:x?}")),
        }
    }

    /// Client, device, subdevice, and an address space with these tables in VRAM.
    pub fn rm_objects(&mut self, page_directory: u64) -> Outcome {
        let mut client = vec![0; 120];
        put32(&mut client, 0, CLIENT);
        self.rm_alloc(CLIENT, CLIENT, 0, &client)?;
        let mut device = vec![0; 56];
        put32(&mut device, 4, CLIENT);
        self.rm_alloc(CLIENT, DEVICE, 0x80, &device)?;
        self.rm_alloc(DEVICE, SUBDEVICE, 0x2080, &[0; 4])?;
        let mut vaspace = vec![0; 48];
        put32(&mut vaspace, 4, 1 << 3);
        self.rm_alloc(DEVICE, VASPACE, 0x90f1, &vaspace)?;
        let mut directory = vec![0; 32];
        put64(&mut directory, 0, page_directory);
        put32(&mut directory, 8, 4);
        put32(&mut directory, 12, 1 << 3);
        put32(&mut directory, 16, VASPACE);
        self.rm_control(DEVICE, 0x80_1813, &directory)?;
        Ok(())
    }

    /// An unprivileged channel of copy engine 0, on its runlist, with a copy object: its work
    /// submit token.
    pub fn rm_channel(&mut self, handle: u32, memory: ChannelMemory) -> Outcome<u32> {
        let mut channel = vec![0; 368];
        put64(&mut channel, 8, memory.ring);
        put32(&mut channel, 0x10, memory.entries);
        put32(&mut channel, 0x14, 1 << 7 | 1 << 22);
        put32(&mut channel, 0x1c, VASPACE);
        put32(&mut channel, 0x80, COPY0);
        for (at, base, size, space) in [
            (0x90, memory.instance, 0x1000, 2),
            (0xa8, memory.userd, 0x200, 2),
            (0xc0, memory.instance, 0x200, 2),
            (0xd8, memory.method_buffer, 0x1_0000, 1),
            (0xf8, memory.notifier, 0x1000, 2),
        ] {
            put64(&mut channel, at, base);
            put64(&mut channel, at + 8, size);
            put32(&mut channel, at + 16, space);
        }
        // Nobody's, with a notifier in memory, and none for ECC.
        put32(&mut channel, 0xf4, 3 << 2 | 1 << 4);
        self.rm_alloc(DEVICE, handle, 0xc56f, &channel)?;
        self.rm_control(handle, 0xa06f_0104, &COPY0.to_le_bytes())?;
        self.rm_control(handle, 0xa06f_0103, &[1, 0])?;
        let mut copy = vec![0; 8];
        put32(&mut copy, 0, 1);
        put32(&mut copy, 4, COPY0);
        self.rm_alloc(handle, handle + 0x100, 0xc7b5, &copy)?;
        let token = self.rm_control(handle, 0xc36f_0108, &[0; 4])?;
        Ok(u32_at(&token, 0))
    }

    /// Waits for the error of a channel, over the line of text and the hint before it.
    pub fn rc_triggered(&mut self) -> Outcome<Message> {
        let end = Instant::now() + self.patience;
        while Instant::now() < end {
            match self.try_receive()? {
                Some(message) if message.function == 0x1004 => return Ok(message),
                Some(message) if [0x1005, 0x1006].contains(&message.function) => {}
                Some(message) => return Err(format!("unexpected {:#x}", message.function)),
                None => thread::sleep(Duration::from_micros(50)),
            }
        }
        Err("no error".into())
    }
}
