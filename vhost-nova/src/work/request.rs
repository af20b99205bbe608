// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What binds and submissions carry, checked: every field that can be judged without the tables.

use kernel_abi::virtio_nova::{
    BindOp, Exec, Push, Status, VmBind, Wait, Wire, BIND_MAP, BIND_READ_ONLY, BIND_SPARSE,
    BIND_UNMAP, MAX_PUSH_LENGTH, PAGE_SIZE, PUSH_NO_PREFETCH,
};

use super::limits::{WorkLimits, VA_END, VA_START};
use super::share::Segment;

/// A bind whose fields are in order. What its handles name is not looked at.
#[derive(Debug)]
pub struct BindRequest<'a> {
    /// Its head.
    pub head: VmBind,
    ops: &'a [u8],
    /// Its waits.
    pub waits: Waits<'a>,
}

/// A submission whose fields are in order.
#[derive(Debug)]
pub struct ExecRequest<'a> {
    /// Its head.
    pub head: Exec,
    pushes: &'a [u8],
    /// Its waits.
    pub waits: Waits<'a>,
}

/// Waits as a request carries them.
#[derive(Clone, Copy, Debug)]
pub struct Waits<'a>(&'a [u8]);

fn items<'a, T: Wire + 'a>(bytes: &'a [u8]) -> impl Iterator<Item = T> + 'a {
    bytes.chunks_exact(T::LEN).filter_map(T::decode)
}

/// Step 5: `body` is two lists of so many items. Nothing is allocated for them.
fn lists<A: Wire, B: Wire>(body: &[u8], a: u32, b: u32) -> Result<(&[u8], &[u8]), Status> {
    let first = u64::from(a) * A::LEN as u64;
    let all = first + u64::from(b) * B::LEN as u64;
    if body.len() as u64 != all {
        return Err(Status::ErrInvalidLength);
    }
    body.split_at_checked(first as usize)
        .ok_or(Status::ErrInvalidLength)
}

fn require(is_valid: bool) -> Result<(), Status> {
    match is_valid {
        true => Ok(()),
        false => Err(Status::ErrInvalidParameter),
    }
}

/// Whether a range is not empty and inside a driver's addresses.
fn is_mappable(addr: u64, length: u64) -> bool {
    let end = addr.checked_add(length);
    length != 0 && addr >= VA_START && end.is_some_and(|end| end <= VA_END)
}

impl<'a> Waits<'a> {
    fn check(bytes: &'a [u8], limits: &WorkLimits) -> Result<Self, Status> {
        let slots = limits.fence_slots();
        for wait in items::<Wait>(bytes) {
            require(wait.slot < slots && wait.padding == 0)?;
        }
        Ok(Self(bytes))
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Wait> + 'a {
        items(self.0)
    }
}

impl<'a> BindRequest<'a> {
    /// Step 5 of the checks.
    ///
    /// # Errors
    /// `ERR_INVALID_LENGTH`.
    pub fn take(body: &'a [u8]) -> Result<Self, Status> {
        let (head, rest) = VmBind::take(body).ok_or(Status::ErrInvalidLength)?;
        let (ops, waits) = lists::<BindOp, Wait>(rest, head.nr_ops, head.nr_waits)?;
        let waits = Waits(waits);
        Ok(Self { head, ops, waits })
    }

    /// Checks every field.
    ///
    /// # Errors
    /// `ERR_INVALID_PARAMETER`.
    pub fn check(&self, limits: &WorkLimits) -> Result<(), Status> {
        let VmBind {
            nr_ops, nr_waits, ..
        } = self.head;
        require(nr_ops <= limits.max_bind_ops && nr_waits <= limits.max_waits)?;
        require(self.head.padding == 0)?;
        Waits::check(self.waits.0, limits)?;
        self.ops().try_for_each(|op| check_op(&op))
    }

    /// Its operations.
    pub fn ops(&self) -> impl Iterator<Item = BindOp> + 'a {
        items(self.ops)
    }
}

fn check_op(op: &BindOp) -> Result<(), Status> {
    let aligned = (op.addr | op.offset | op.length) % PAGE_SIZE == 0;
    require(aligned && op.padding == 0 && is_mappable(op.addr, op.length))?;
    let has_object = match (op.op, op.flags) {
        (BIND_MAP, 0 | BIND_READ_ONLY) => true,
        (BIND_MAP, BIND_SPARSE) | (BIND_UNMAP, 0) => false,
        _ => return Err(Status::ErrInvalidParameter),
    };
    match has_object {
        true => require(op.offset.checked_add(op.length).is_some()),
        false => require(op.handle == 0 && op.offset == 0),
    }
}

impl<'a> ExecRequest<'a> {
    /// Step 5 of the checks.
    ///
    /// # Errors
    /// `ERR_INVALID_LENGTH`.
    pub fn take(body: &'a [u8]) -> Result<Self, Status> {
        let (head, rest) = Exec::take(body).ok_or(Status::ErrInvalidLength)?;
        let (pushes, waits) = lists::<Push, Wait>(rest, head.nr_pushes, head.nr_waits)?;
        let waits = Waits(waits);
        Ok(Self {
            head,
            pushes,
            waits,
        })
    }

    /// Checks every field.
    ///
    /// # Errors
    /// `ERR_INVALID_PARAMETER`.
    pub fn check(&self, limits: &WorkLimits) -> Result<(), Status> {
        let Exec {
            nr_pushes,
            nr_waits,
            ..
        } = self.head;
        require(nr_pushes <= limits.max_pushes && nr_waits <= limits.max_waits)?;
        require(self.head.padding == 0)?;
        Waits::check(self.waits.0, limits)?;
        items::<Push>(self.pushes).try_for_each(|push| {
            let aligned = push.addr % 4 == 0 && push.length % 4 == 0;
            let flags = push.flags & !PUSH_NO_PREFETCH == 0;
            require(aligned && flags && push.length <= MAX_PUSH_LENGTH)?;
            require(is_mappable(push.addr, push.length.into()))
        })
    }

    /// Its pushes.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + 'a {
        items::<Push>(self.pushes).map(|push| Segment {
            addr: push.addr,
            length: push.length,
            no_prefetch: push.flags & PUSH_NO_PREFETCH != 0,
        })
    }
}
