// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Our ends of vfio-user against those that others wrote: the crate `vfio_user`.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use nova_model::Model;
use nova_pci::{Bar, BarIndex, DmaMemory, Pci};
use nova_transport::{
    vfio_user::{Listener, ServerOptions},
    Server, VfioUser,
};
use vfio_bindings::bindings::vfio::{
    vfio_region_info, VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE,
};
use vfio_user::{Client, DmaMapFlags, DmaUnmapFlags, IrqInfo, ServerBackend, ServerRegion};

fn socket() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gpu");
    (dir, path)
}

#[test]
fn their_client_uses_our_server() {
    let (_dir, path) = socket();
    let listener = Listener::bind(&path).unwrap();
    let model = Model::builder().build().unwrap();
    let server = Server::new(model, ServerOptions { mmap_bars: true }).unwrap();
    let server = thread::spawn(move || server.serve(&listener.accept().unwrap()));
    let mut client = Client::new(&path).unwrap();
    assert_eq!(client.region(0).unwrap().size, 16 << 20);
    let bar1 = client.region(1).unwrap();
    assert_eq!(bar1.size, 256 << 20);
    assert_eq!(bar1.sparse_areas.len(), 1);
    assert!(bar1.file_offset.is_some());
    client.region_write(7, 4, &[6, 0]).unwrap();
    let mut boot_42 = [0; 4];
    client.region_read(0, 0xa00, &mut boot_42).unwrap();
    assert_eq!(u32::from_le_bytes(boot_42), 0x172a_1000);
    let memory = DmaMemory::new(8192).unwrap();
    let (file, offset) = memory.file();
    client
        .dma_map(offset, 0x1000, 8192, file.as_raw_fd())
        .unwrap();
    client.dma_unmap(0x1000, 8192).unwrap();
    assert_eq!(client.get_irq_info(1).unwrap().count, 1);
    client.reset().unwrap();
    client.region_read(0, 0xa00, &mut boot_42).unwrap();
    assert_eq!(boot_42, [0xff; 4]);
    drop(client);
    server.join().unwrap().unwrap();
}

/// A device with one register, and a note of what was asked of it.
#[derive(Default)]
struct Note {
    asked: Vec<String>,
    register: [u8; 4],
}

#[derive(Clone, Default)]
struct Device(Arc<Mutex<Note>>);

impl ServerBackend for Device {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        if (region, offset, data.len()) == (0, 16, 4) {
            data.copy_from_slice(&self.0.lock().unwrap().register);
        }
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        if let (0, 16, Ok(value)) = (region, offset, data.try_into()) {
            self.0.lock().unwrap().register = value;
        }
        Ok(())
    }

    fn dma_map(
        &mut self,
        _: DmaMapFlags,
        _: u64,
        address: u64,
        size: u64,
        fd: Option<File>,
    ) -> io::Result<()> {
        let len = fd.unwrap().metadata().unwrap().len();
        self.0
            .lock()
            .unwrap()
            .asked
            .push(format!("map {address:#x} {size:#x} of {len:#x}"));
        match address {
            0x9000 => Err(io::Error::other("no")),
            _ => Ok(()),
        }
    }

    fn dma_unmap(&mut self, _: DmaUnmapFlags, address: u64, size: u64) -> io::Result<()> {
        self.0
            .lock()
            .unwrap()
            .asked
            .push(format!("unmap {address:#x} {size:#x}"));
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.0.lock().unwrap().asked.push("reset".into());
        Ok(())
    }

    fn set_irqs(
        &mut self,
        index: u32,
        _: u32,
        _: u32,
        count: u32,
        fds: Vec<File>,
    ) -> io::Result<()> {
        let fds = fds.len();
        self.0
            .lock()
            .unwrap()
            .asked
            .push(format!("irq {index}: {count} with {fds}"));
        Ok(())
    }
}

#[test]
fn our_client_uses_their_server() {
    let (_dir, path) = socket();
    let sizes = [4096, 0, 0, 0, 0, 0, 0, 256, 0];
    let regions = (0..).zip(sizes).map(|(index, size)| ServerRegion {
        region_info: vfio_region_info {
            argsz: 32,
            flags: VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
            index,
            size,
            ..Default::default()
        },
        sparse_areas: Vec::new(),
        mmap_fd: None,
    });
    let irqs = (0..5).map(|index| IrqInfo {
        index,
        flags: 1,
        count: 1,
    });
    let server = vfio_user::Server::new(&path, true, irqs.collect(), regions.collect()).unwrap();
    let device = Device::default();
    let mut backend = device.clone();
    let server = thread::spawn(move || server.run(&mut backend));
    let client = VfioUser::connect(&path).unwrap();
    let bar0 = client.bar(BarIndex::Bar0).unwrap();
    bar0.write32(16, 0x0102_0304).unwrap();
    assert_eq!(bar0.read32(16).unwrap(), 0x0102_0304);
    let memory = DmaMemory::new(4096).unwrap();
    drop(client.dma_map(0x5000, &memory).unwrap());
    // Their server tells of the refusal without a reason; their client would not see it.
    assert!(client.dma_map(0x9000, &memory).is_err());
    let event = client.enable_msi().unwrap();
    client.disable_msi().unwrap();
    client.reset().unwrap();
    drop((client, bar0, event));
    server.join().unwrap().unwrap();
    let asked = &device.0.lock().unwrap().asked;
    assert_eq!(
        asked[..],
        [
            "map 0x5000 0x1000 of 0x1000",
            "unmap 0x5000 0x1000",
            "map 0x9000 0x1000 of 0x1000",
            "irq 1: 1 with 1",
            "irq 1: 0 with 0",
            "reset"
        ]
    );
}
