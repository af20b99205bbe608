// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! A device under measurement, with two requests that undo each other.
//!
//! Both protocols here have a header of 24 bytes and answer 0x1100 when all is well
//! (`docs/virtio-nova.md`, section 6; VIRTIO 1.3, section 5.7).

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use lab_frontend::virtqueue::Chain;
use lab_frontend::{Options, Profile, Vmm, LONG};

const OK: u32 = 0x1100;
const HDR_LEN: usize = 24;

/// When the driver kicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kick {
    /// When the device asks for it, as RING_EVENT_IDX says.
    Wanted,
    /// For each request.
    Every,
}

impl Kick {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Wanted, Self::Every];

    /// For the name of a row.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Wanted => "",
            Self::Every => ", every kick",
        }
    }
}

/// The two requests and where the second one takes its handle from.
struct Work {
    create: Vec<u8>,
    destroy: Vec<u8>,
    /// The handle in the answer to `create` goes to the end of the header of `destroy`.
    copies_handle: bool,
}

/// A device with its rings prepared.
pub struct Target {
    /// For the table.
    pub name: String,
    vmm: Vmm,
    heads: [u16; 2],
    requests: [u64; 2],
    answer: u64,
    copies_handle: bool,
    turn: usize,
}

/// A request's header.
fn hdr(type_: u32, ctx_id: u32) -> Vec<u8> {
    let mut hdr = vec![0; HDR_LEN];
    hdr[..4].copy_from_slice(&type_.to_le_bytes());
    hdr[16..20].copy_from_slice(&ctx_id.to_le_bytes());
    hdr
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let word = bytes.get(at..at + 4).context("the answer is too short")?;
    Ok(u32::from_le_bytes(word.try_into()?))
}

fn ask(vmm: &mut Vmm, request: &[u8], room: u32) -> Result<Vec<u8>> {
    let answer = vmm.request(request, room)?;
    let status = word(&answer, 0)?;
    ensure!(status == OK, "a request was answered with {status:#x}");
    Ok(answer)
}

/// NEGOTIATE of version 1.0.
pub fn negotiate(vmm: &mut Vmm) -> Result<()> {
    ask(vmm, &[hdr(0x0100, 0), words(&[1, 0])].concat(), 72)?;
    Ok(())
}

impl Target {
    /// A virtio-nova device: GEM_CREATE of one page and GEM_CLOSE.
    pub fn nova(name: impl Into<String>, socket: &Path) -> Result<Self> {
        let vmm = Vmm::attach(socket, Options::new(Profile::Qemu))?;
        Self::nova_over(name.into(), vmm)
    }

    /// The same on a socket whose last connection may not have ended yet.
    pub fn nova_again(name: impl Into<String>, socket: &Path) -> Result<Self> {
        let deadline = Instant::now() + LONG;
        loop {
            match Vmm::attach(socket, Options::new(Profile::Qemu)) {
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
                Ok(vmm) => return Self::nova_over(name.into(), vmm),
            }
        }
    }

    fn nova_over(name: String, mut vmm: Vmm) -> Result<Self> {
        negotiate(&mut vmm)?;
        let context = ask(&mut vmm, &[hdr(0x0101, 0), vec![0; 24]].concat(), 32)?;
        let ctx_id = word(&context, HDR_LEN)?;
        let page = vmm.ram.alloc(4096)?;
        let entry = [page as u32, (page >> 32) as u32, 4096, 0];
        let create = [&words(&[4096, 0, 1, 1])[..], &words(&entry)].concat();
        let work = Work {
            create: [hdr(0x0110, ctx_id), create].concat(),
            destroy: [hdr(0x0112, ctx_id), words(&[0, 0])].concat(),
            copies_handle: true,
        };
        Self::new(name, vmm, work)
    }

    /// A virtio-gpu device: RESOURCE_CREATE_2D and RESOURCE_UNREF.
    pub fn virtio_gpu(name: String, vmm: Vmm) -> Result<Self> {
        const B8G8R8A8: u32 = 1;
        let work = Work {
            create: [hdr(0x0101, 0), words(&[1, B8G8R8A8, 16, 16])].concat(),
            destroy: [hdr(0x0102, 0), words(&[1, 0])].concat(),
            copies_handle: false,
        };
        Self::new(name, vmm, work)
    }

    fn new(name: String, mut vmm: Vmm, work: Work) -> Result<Self> {
        let (ram, queue) = vmm.queue(0);
        let answer = ram.alloc(4096)?;
        let mut place = |bytes: &[u8]| -> Result<(u64, u16)> {
            let request = ram.alloc(4096)?;
            ram.write(request, bytes)?;
            let chain = Chain {
                readable: vec![(request, bytes.len() as u32)],
                writable: vec![(answer, 64)],
                indirect: None,
            };
            Ok((request, queue.place(ram, &chain)?))
        };
        let (create, create_head) = place(&work.create)?;
        let (destroy, destroy_head) = place(&work.destroy)?;
        Ok(Self {
            name,
            vmm,
            heads: [create_head, destroy_head],
            requests: [create, destroy],
            answer,
            copies_handle: work.copies_handle,
            turn: 0,
        })
    }

    /// One request, there and back: from before the kick until the call has been read.
    pub fn round_trip(&mut self, kick: Kick) -> Result<Duration> {
        let head = self.heads[self.turn];
        let (ram, queue) = self.vmm.queue(0);
        let before = queue.avail_index();
        queue.make_available(ram, head)?;
        let start = Instant::now();
        match kick {
            Kick::Wanted => {
                queue.kick_if_wanted(ram, before)?;
            }
            Kick::Every => queue.kick()?,
        }
        let (time, used) = loop {
            queue.call_fd().read()?;
            let time = start.elapsed();
            // The call may be a late one for a request of the preparations.
            if let Some(used) = queue.pop_used(ram)? {
                break (time, used);
            }
        };
        ensure!(used.id == u32::from(head), "another chain came back");
        let answer = ram.read(self.answer, used.len.min(64) as usize)?;
        let status = word(&answer, 0)?;
        ensure!(status == OK, "{}: answered with {status:#x}", self.name);
        if self.turn == 0 && self.copies_handle {
            let handle = word(&answer, HDR_LEN)?.to_le_bytes();
            ram.write(self.requests[1] + HDR_LEN as u64, &handle)?;
        }
        self.turn ^= 1;
        Ok(time)
    }
}
