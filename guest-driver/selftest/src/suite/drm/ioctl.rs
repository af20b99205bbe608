// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Tables of ioctls, and calls through them.

use super::toy::{number, Bench, Number, Toy, ToyFile, DOUBLE, MASTER};
use crate::test::TestResult;
use drm_core::{
    device::{Device, Ioctl},
    ioctl::{self, DrmIoctlDescriptor, Handler},
    Driver, File,
};
use kernel_abi::error::{
    code::{EACCES, EINVAL, ENODEV},
    Result,
};

fn commands_are_c_s() -> TestResult {
    check_eq!(ioctl::IO(0x41), 0x6441);
    check_eq!(ioctl::IOR::<u64>(0x41), 0x8008_6441);
    check_eq!(ioctl::IOW::<u64>(0x41), 0x4008_6441);
    check_eq!(ioctl::IOWR::<u64>(0x41), 0xc008_6441);
    check_eq!(ioctl::nr(0xc008_6441), 0x41);
    check_eq!(ioctl::size(0xc008_6441), 8);
    check_eq!(ioctl::index(0xc008_6441), 1);
    check_eq!(ioctl::COMMAND_BASE + ioctl::COMMANDS, 0xa0);
    ioctl::check_size::<u64>(0xc008_6441);
    Ok(())
}

fn a_table_has_an_entry_for_each_number_up_to_the_last() -> TestResult {
    check_eq!(ioctl::table_len(&[]), 0);
    check_eq!(ioctl::table_len(&[number(0), number(7)]), 8);
    check_eq!(Toy::IOCTLS.len(), 0x21);
    Ok(())
}

fn calls_go_through_the_table() -> TestResult {
    let mut bench = Bench::new()?;
    let file = bench.open()?;
    let mut arg = Number { value: 21 };
    check_eq!(file.ioctl(DOUBLE, &mut arg), Ok(7));
    check_eq!(arg.value, 42);
    let mut large = Number { value: u64::MAX };
    check_eq!(file.ioctl(DOUBLE, &mut large), Err(EINVAL));
    check_eq!(file.ioctl(number(0x01), &mut arg), Err(EINVAL));
    check_eq!(file.ioctl(number(0x21), &mut arg), Err(EINVAL));
    check_eq!(arg.value, 42);
    bench.unregister();
    check_eq!(file.ioctl(DOUBLE, &mut arg), Err(ENODEV));
    Ok(())
}

fn a_render_node_has_what_is_allowed_there() -> TestResult {
    let bench = Bench::new()?;
    let file = bench.open()?;
    let mut arg = Number { value: 1 };
    check_eq!(file.ioctl(MASTER, &mut arg), Err(EACCES));
    check_eq!(arg.value, 1);
    // What C calls them, and what DRM core tests.
    check_eq!(
        [
            ioctl::AUTH,
            ioctl::MASTER,
            ioctl::ROOT_ONLY,
            ioctl::RENDER_ALLOW
        ],
        [1, 2, 4, 32]
    );
    Ok(())
}

fn handle(_device: &Device<Toy, Ioctl>, arg: &mut u64, _file: &File<ToyFile>) -> Result<u32> {
    *arg += 1;
    Ok(0)
}

/// A table that is made by hand.
const TABLE: [DrmIoctlDescriptor; 2] = [
    DrmIoctlDescriptor::gap(),
    DrmIoctlDescriptor::new::<Toy, u64, _, _>(ioctl::IOWR::<u64>(0x41), 0, handle),
];

/// A function is a handler of one kind, which the compiler finds.
fn is_handler<K>(_handler: impl Handler<Toy, u64, K>) -> bool {
    true
}

fn a_function_is_a_handler() -> TestResult {
    check!(is_handler(handle));
    check!(is_handler(
        |_: &Device<Toy, Ioctl>, _: &mut u64, _: &File<ToyFile>| Ok(1)
    ));
    check_eq!(TABLE.len(), 2);
    Ok(())
}

selftests! {
    commands_are_c_s => [
        drm_core::ioctl::IO,
        drm_core::ioctl::IOR,
        drm_core::ioctl::IOW,
        drm_core::ioctl::IOWR,
        drm_core::ioctl::nr,
        drm_core::ioctl::size,
        drm_core::ioctl::index,
        drm_core::ioctl::check_size,
        drm_core::ioctl::COMMAND_BASE,
        drm_core::ioctl::COMMANDS,
    ];
    a_table_has_an_entry_for_each_number_up_to_the_last => [drm_core::ioctl::table_len];
    calls_go_through_the_table => [drm_core::declare_drm_ioctls];
    a_render_node_has_what_is_allowed_there => [
        drm_core::ioctl::AUTH,
        drm_core::ioctl::MASTER,
        drm_core::ioctl::ROOT_ONLY,
        drm_core::ioctl::RENDER_ALLOW,
    ];
    a_function_is_a_handler => [
        drm_core::ioctl::Handler,
        drm_core::ioctl::DrmIoctlDescriptor,
        drm_core::ioctl::DrmIoctlDescriptor::gap,
        drm_core::ioctl::DrmIoctlDescriptor::new,
    ];
}
