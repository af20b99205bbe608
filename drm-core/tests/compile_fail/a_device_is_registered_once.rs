// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registration takes the unregistered device away.
use drm_core::{doctest::Toy, Registration, UnregisteredDevice};
use kernel_abi::{device::RootDevice, error::{Error, Result}};

fn twice(device: UnregisteredDevice<Toy>, parent: &RootDevice) -> Result {
    Registration::<Toy>::new_foreign_owned::<Error>(device, parent, Ok(()), 0)?;
    Registration::<Toy>::new_foreign_owned::<Error>(device, parent, Ok(()), 0)?;
    Ok(())
}

fn main() {}
