// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! GSP's end of the two queues in system memory. Their pages may be anywhere: the first of
//! them has the addresses of all.

use nova_spec::{
    gsp::{
        libos::{LibosMemoryRegionInitArgument, GSP_ARGUMENTS_CACHED, RMARGS},
        GSP_PAGE_SIZE,
    },
    queue::{self, Channel, MsgqTxHeader, Queue},
    rpc::{
        message::{MAX_ELEMENTS, MAX_PAYLOAD},
        Message, RpcFunction,
    },
    FormatError,
};
use zerocopy::IntoBytes;

use crate::dma::{Dma, DmaError};

/// Why GSP-RM has no queues, or one of them makes no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Dma(#[from] DmaError),
    /// Outside of the pages that there are.
    #[error("offset {0:#x} is outside of the queues' memory")]
    Outside(u64),
    /// The region is not where GSP-RM looks.
    #[error("{0} is not contiguous system memory")]
    Region(&'static str),
    /// The message is longer than what was written.
    #[error("a message of {elements} elements, and {used} are written")]
    Short { elements: u32, used: u32 },
    /// No room yet.
    #[error("the message queue is full")]
    Full,
}

/// What was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) function: RpcFunction,
    pub(crate) sequence: u32,
    pub(crate) payload: Vec<u8>,
}

/// The queues.
///
/// # Invariants
/// The pointers are below the number of elements.
#[derive(Debug)]
pub(crate) struct Queues {
    pages: Vec<u64>,
    commands: Channel,
    messages: Channel,
    /// Where the next command is read.
    read_ptr: u32,
    /// Where the next message is written.
    write_ptr: u32,
    /// The number of the next message.
    seq_num: u32,
}

impl Queues {
    /// Finds the queues from the list of regions that libos was given, and writes the header of
    /// GSP's own.
    pub(crate) fn open(dma: &mut Dma, libos: u64) -> Result<Self, QueueError> {
        let mut list = vec![0; GSP_PAGE_SIZE as usize];
        dma.read(libos, &mut list)?;
        let region = LibosMemoryRegionInitArgument::find(&list, RMARGS)?;
        let contiguous = region.kind == LibosMemoryRegionInitArgument::KIND_CONTIGUOUS;
        if !contiguous || region.loc != LibosMemoryRegionInitArgument::LOC_SYSMEM {
            return Err(QueueError::Region(RMARGS));
        }
        let mut arguments = [0; size_of::<GSP_ARGUMENTS_CACHED>()];
        dma.read(region.pa.get(), &mut arguments)?;
        let arguments = GSP_ARGUMENTS_CACHED::check(&arguments)?;
        let arguments = &arguments.messageQueueInitArguments;
        let pages = read_pages(
            dma,
            arguments.sharedMemPhysAddr.get(),
            arguments.pageTableEntryCount.get(),
        )?;
        let own = Queue {
            header: arguments.statQueueOffset.get(),
        };
        let driver = Queue {
            header: arguments.cmdQueueOffset.get(),
        };
        // INVARIANT: 0.
        let queues = Self {
            pages,
            commands: Channel::new(driver, own),
            messages: Channel::new(own, driver),
            read_ptr: 0,
            write_ptr: 0,
            seq_num: 0,
        };
        let mut header = [0; size_of::<MsgqTxHeader>()];
        queues.read(dma, driver.header, &mut header)?;
        MsgqTxHeader::check(&header)?;
        queues.store(dma, queues.commands.read_ptr, 0)?;
        queues.write(dma, own.header, MsgqTxHeader::new().as_bytes())?;
        Ok(queues)
    }

    /// Takes the next command; none when there is none. After an error the queue has been
    /// emptied: what is behind a command that makes no sense makes none either.
    pub(crate) fn receive(&mut self, dma: &mut Dma) -> Result<Option<Command>, QueueError> {
        let write_ptr = self.load(dma, self.commands.write_ptr)?;
        let write_ptr = queue::check_pointer("writePtr of the command queue", write_ptr)?;
        let used = queue::used(write_ptr, self.read_ptr);
        if used == 0 {
            return Ok(None);
        }
        match self.read_command(dma, used) {
            Ok((command, elements)) => {
                // INVARIANT: `advance` wraps.
                self.read_ptr = queue::advance(self.read_ptr, elements);
                self.store(dma, self.commands.read_ptr, self.read_ptr)?;
                Ok(Some(command))
            }
            Err(error) => {
                // INVARIANT: checked above.
                self.read_ptr = write_ptr;
                self.store(dma, self.commands.read_ptr, self.read_ptr)?;
                Err(error)
            }
        }
    }

    /// The number that the next message has.
    pub(crate) fn seq_num(&self) -> u32 {
        self.seq_num
    }

    /// Writes a message, whose bytes have that number, and moves the pointer over it.
    pub(crate) fn send(&mut self, dma: &mut Dma, bytes: &[u8]) -> Result<(), QueueError> {
        let elements = (bytes.len() as u32).div_ceil(queue::ELEMENT_SIZE);
        let read_ptr = self.load(dma, self.messages.read_ptr)?;
        let read_ptr = queue::check_pointer("readPtr of the message queue", read_ptr)?;
        if elements > queue::free(self.write_ptr, read_ptr) {
            return Err(QueueError::Full);
        }
        let [first, second] = self.messages.runs(self.write_ptr, bytes.len() as u64);
        let (head, tail) = bytes.split_at((first.end - first.start) as usize);
        self.write(dma, first.start, head)?;
        self.write(dma, second.start, tail)?;
        // INVARIANT: `advance` wraps.
        self.write_ptr = queue::advance(self.write_ptr, elements);
        self.seq_num = self.seq_num.wrapping_add(1);
        self.store(dma, self.messages.write_ptr, self.write_ptr)
    }

    fn read_command(&self, dma: &mut Dma, used: u32) -> Result<(Command, u32), QueueError> {
        let element = u64::from(queue::ELEMENT_SIZE);
        let mut bytes = self.read_ring(dma, element)?;
        let extent = Message::extent_of(&bytes)?;
        let elements = extent.elements;
        if elements > used || elements > MAX_ELEMENTS {
            return Err(QueueError::Short { elements, used });
        }
        if elements > 1 {
            bytes = self.read_ring(dma, u64::from(extent.len))?;
        }
        let message = Message::decode(&bytes)?;
        let command = Command {
            function: message.function,
            sequence: message.sequence,
            payload: message.payload.to_vec(),
        };
        Ok((command, elements))
    }

    /// The next bytes of the commands.
    fn read_ring(&self, dma: &mut Dma, len: u64) -> Result<Vec<u8>, QueueError> {
        let [first, second] = self.commands.runs(self.read_ptr, len);
        let mut bytes = vec![0; len as usize];
        let (head, tail) = bytes.split_at_mut((first.end - first.start) as usize);
        self.read(dma, first.start, head)?;
        self.read(dma, second.start, tail)?;
        Ok(bytes)
    }

    fn load(&self, dma: &mut Dma, offset: u64) -> Result<u32, QueueError> {
        let mut bytes = [0; 4];
        self.read(dma, offset, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn store(&self, dma: &mut Dma, offset: u64, value: u32) -> Result<(), QueueError> {
        self.write(dma, offset, &value.to_le_bytes())
    }

    fn read(&self, dma: &mut Dma, offset: u64, data: &mut [u8]) -> Result<(), QueueError> {
        let mut at = offset;
        for part in in_pages(offset, data.len()) {
            dma.read(self.bus_address(at)?, &mut data[part.clone()])?;
            at += part.len() as u64;
        }
        Ok(())
    }

    fn write(&self, dma: &mut Dma, offset: u64, data: &[u8]) -> Result<(), QueueError> {
        let mut at = offset;
        for part in in_pages(offset, data.len()) {
            dma.write(self.bus_address(at)?, &data[part.clone()])?;
            at += part.len() as u64;
        }
        Ok(())
    }

    fn bus_address(&self, offset: u64) -> Result<u64, QueueError> {
        let page = self.pages.get((offset / GSP_PAGE_SIZE) as usize);
        let page = page.ok_or(QueueError::Outside(offset))?;
        let address = page.checked_add(offset % GSP_PAGE_SIZE);
        address.ok_or(QueueError::Outside(offset))
    }
}

const _: () = assert!(MAX_PAYLOAD < MAX_ELEMENTS * queue::ELEMENT_SIZE);

/// The addresses of all pages, from the first. `count` was checked: they fit there.
fn read_pages(dma: &mut Dma, first: u64, count: u32) -> Result<Vec<u64>, QueueError> {
    let mut page = vec![0; GSP_PAGE_SIZE as usize];
    dma.read(first, &mut page)?;
    let entries = page.chunks_exact(8).take(count as usize);
    let address = |entry: &[u8]| u64::from_le_bytes(entry.try_into().unwrap_or_default());
    Ok(entries.map(address).collect())
}

/// The parts of an access, a page each.
fn in_pages(offset: u64, len: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let left = len - done;
        let room = GSP_PAGE_SIZE - (offset + done as u64) % GSP_PAGE_SIZE;
        let start = done;
        done += left.min(room as usize);
        (left > 0).then_some(start..done)
    })
}
