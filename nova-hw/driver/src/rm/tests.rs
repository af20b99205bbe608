// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Calls of RM, with a GSP that the test plays on a thread of its own.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc, Arc, Mutex,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use nova_model::{Model, ModelMapping};
use nova_pci::Pci;
use nova_spec::{
    pci::{command, header},
    queue::{advance, used, COMMANDS, ELEMENT_SIZE, MESSAGES},
    rm::{
        control::GpfifoScheduleParams,
        object::{Free, GspRmAlloc, GspRmControl},
        Class, Control, NvStatus,
    },
    rpc::{Message, RpcFunction},
};
use zerocopy::{FromZeros, IntoBytes};

use super::*;
use crate::{
    card::Card,
    error::Cause,
    gsp::{GspMemory, MessageError, Rm},
    testing, Timeouts,
};

/// What RM was asked: the client, what for, and the object's handle.
type Asked = (u32, RmCall, u32);
/// How RM answers; `None` is silence.
type Answer = dyn Fn(&Asked) -> Option<NvStatus> + Send;

/// A GSP that answers each call, until it is dropped.
struct Gsp {
    card: Arc<Card<Model>>,
    rm: Arc<SharedRm<Model>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gsp {
    fn new(answer: Box<Answer>) -> Self {
        Self::with(Timeouts::default(), answer)
    }

    fn with(timeouts: Timeouts, answer: Box<Answer>) -> Self {
        let card = testing::card();
        let memory = testing::memory(&card);
        let rm = Rm::running(&card, &timeouts, &memory);
        let (asked, end) = (
            Arc::<Mutex<Vec<_>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let thread = thread::spawn({
            let (asked, end) = (asked.clone(), end.clone());
            move || play(&memory, &asked, &end, &answer)
        });
        Self {
            rm: Arc::new(SharedRm::new(&card, rm)),
            card,
            asked,
            end,
            thread: Some(thread),
        }
    }

    fn client(&self, owner: u16) -> Arc<Client<Model>> {
        Client::new(&self.rm, owner, "test").unwrap()
    }

    fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Gsp {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn play(
    memory: &GspMemory<ModelMapping>,
    asked: &Mutex<Vec<Asked>>,
    end: &AtomicBool,
    answer: &Answer,
) {
    let shared = memory.queues().memory();
    let (mut read, mut write, mut number) = (0, 0, 0);
    while !end.load(Ordering::SeqCst) {
        let written = shared.load32(COMMANDS.write_ptr).unwrap();
        if used(written, read) == 0 {
            thread::sleep(Duration::from_micros(20));
            continue;
        }
        let mut element = vec![0; ELEMENT_SIZE as usize];
        let at = COMMANDS.elements + u64::from(read * ELEMENT_SIZE);
        shared.read(at, &mut element).unwrap();
        let message = Message::decode(&element).unwrap();
        read = advance(read, 1);
        shared.store32(COMMANDS.read_ptr, read).unwrap();
        let mut payload = message.payload.to_vec();
        let call = take_apart(message.function, &payload);
        asked.lock().unwrap().push(call);
        let Some(status) = answer(&call) else {
            continue;
        };
        let place = match call.1 {
            RmCall::Alloc(_) => 16,
            _ => 12,
        };
        payload[place..place + 4].copy_from_slice(&status.0.to_le_bytes());
        let answer = Message::answer(number, message.function, &payload);
        let at = MESSAGES.elements + u64::from(write * ELEMENT_SIZE);
        shared.write(at, &answer.encode().unwrap()).unwrap();
        number += 1;
        write = advance(write, 1);
        shared.store32(MESSAGES.write_ptr, write).unwrap();
    }
}

fn take_apart(function: RpcFunction, payload: &[u8]) -> Asked {
    match function {
        RpcFunction::GSP_RM_ALLOC => {
            let (header, _) = GspRmAlloc::decode(payload).unwrap();
            let call = RmCall::Alloc(Class(header.hClass.get()));
            (header.hClient.get(), call, header.hObject.get())
        }
        RpcFunction::GSP_RM_CONTROL => {
            let (header, _) = GspRmControl::decode(payload).unwrap();
            let call = RmCall::Control(Control(header.cmd.get()));
            (header.hClient.get(), call, header.hObject.get())
        }
        RpcFunction::FREE => {
            let free = Free::decode(payload).unwrap();
            // What it is the message does not say.
            let call = RmCall::Free(Class(free.hObjectOld.get() >> 16));
            (free.hRoot.get(), call, free.hObjectOld.get())
        }
        other => panic!("{other}"),
    }
}

fn well(_: &Asked) -> Option<NvStatus> {
    Some(NvStatus::NV_OK)
}

fn nothing() -> GpfifoScheduleParams {
    GpfifoScheduleParams::new_zeroed()
}

#[test]
fn a_client_has_a_device_and_ends_with_all() {
    let gsp = Gsp::new(Box::new(well));
    let client = gsp.client(7);
    let handle = 0xc1d0_0007;
    assert_eq!(
        gsp.take(),
        [
            (handle, RmCall::Alloc(Class::NV01_ROOT), handle),
            (handle, RmCall::Alloc(Class::NV01_DEVICE_0), 0xde1d_0000),
            (handle, RmCall::Alloc(Class::NV20_SUBDEVICE_0), 0x5d1d_0000),
        ]
    );
    let group = client
        .alloc(0xde1d_0000, Class::KEPLER_CHANNEL_GROUP_A, &nothing())
        .unwrap();
    let channel = group
        .alloc(Class::AMPERE_CHANNEL_GPFIFO_A, &nothing())
        .unwrap();
    assert_eq!(
        (group.handle(), channel.handle()),
        (0xa06c_0001, 0xf1f0_0002)
    );
    drop(channel);
    gsp.take();
    client.free_all().unwrap();
    // What goes later was freed with the client, and there is no more of it.
    assert!(client
        .alloc(handle, Class::KEPLER_CHANNEL_GROUP_A, &nothing())
        .is_err());
    drop((group, client));
    let freed = (handle, RmCall::Free(Class(0xc1d0)), handle);
    assert_eq!(gsp.take(), [freed]);
}

#[test]
fn a_status_is_an_error_of_that_call_alone() {
    let gsp = Gsp::new(Box::new(|(_, call, _)| {
        let refused = RmCall::Control(Control::NVA06C_PREEMPT);
        Some(match *call == refused {
            true => NvStatus::NV_ERR_TIMEOUT,
            false => NvStatus::NV_OK,
        })
    }));
    let client = gsp.client(1);
    let group = client
        .alloc(0xde1d_0000, Class::KEPLER_CHANNEL_GROUP_A, &nothing())
        .unwrap();
    let error = group
        .control(Control::NVA06C_PREEMPT, &nothing())
        .unwrap_err();
    assert_eq!(error.status(), Some(NvStatus::NV_ERR_TIMEOUT));
    assert_eq!(
        error.to_string(),
        "RM refuses NVA06C_PREEMPT: NV_ERR_TIMEOUT"
    );
    group
        .control(Control::NVA06C_GPFIFO_SCHEDULE, &nothing())
        .unwrap();
}

#[test]
fn a_client_that_fails_half_way_is_freed() {
    let gsp = Gsp::new(Box::new(|(_, call, _)| {
        Some(match *call == RmCall::Alloc(Class::NV20_SUBDEVICE_0) {
            true => NvStatus::NV_ERR_INSUFFICIENT_RESOURCES,
            false => NvStatus::NV_OK,
        })
    }));
    let error = Client::new(&gsp.rm, 3, "test").err().unwrap();
    assert_eq!(
        error.status(),
        Some(NvStatus::NV_ERR_INSUFFICIENT_RESOURCES)
    );
    let last = gsp.take().pop().unwrap();
    assert_eq!(
        last,
        (0xc1d0_0003, RmCall::Free(Class(0xc1d0)), 0xc1d0_0003)
    );
}

#[test]
fn a_handle_that_is_taken_is_not_the_end() {
    let gsp = Gsp::new(Box::new(|&(_, _, object)| {
        Some(match object & 0xffff {
            1..=3 if object >> 16 == 0xa06c => NvStatus::NV_ERR_INSERT_DUPLICATE_NAME,
            _ => NvStatus::NV_OK,
        })
    }));
    let group = gsp
        .client(0)
        .alloc(0xde1d_0000, Class::KEPLER_CHANNEL_GROUP_A, &nothing())
        .unwrap();
    assert_eq!(group.handle(), 0xa06c_0004);
}

#[test]
fn silence_loses_the_card_for_all() {
    let timeouts = testing::short();
    let gsp = Gsp::with(
        timeouts,
        Box::new(|&(_, call, _)| {
            let is_silent = call == RmCall::Control(Control::NVA06C_BIND);
            (!is_silent).then_some(NvStatus::NV_OK)
        }),
    );
    let (client, other) = (gsp.client(1), gsp.client(2));
    let told = Arc::new(AtomicBool::new(false));
    let sink = told.clone();
    let on_loss = Box::new(move |is_cut_off| sink.store(is_cut_off, Ordering::SeqCst));
    gsp.rm.set_sinks(Box::new(|_| ()), on_loss);
    let error = client
        .control(0xde1d_0000, Control::NVA06C_BIND, &nothing())
        .unwrap_err();
    let RmError::Lost(cause) = &error else {
        panic!("{error}");
    };
    let silence = matches!(**cause, Cause::Message(MessageError::Silence { .. }));
    assert!(silence, "{cause}");
    assert!(told.load(Ordering::SeqCst));
    // No DMA any more, so that memory can be used for something else.
    let now = gsp.card.pci().config_read16(header::COMMAND).unwrap();
    assert_eq!(now & command::BUS_MASTER, 0);
    // Nobody is asked in vain again.
    gsp.take();
    let error = other
        .control(0xde1d_0000, Control::NVA06C_BIND, &nothing())
        .unwrap_err();
    assert!(error.is_lost(), "{error}");
    drop((client, other));
    assert_eq!(gsp.take(), []);
    assert!(gsp.rm.unload().is_err());
    assert!(gsp.rm.unload().is_ok(), "once");
}

/// A GSP that refuses to free objects of a class.
fn refusing(class: Class) -> Gsp {
    Gsp::new(Box::new(move |&(_, call, _)| {
        Some(match call == RmCall::Free(class) {
            true => NvStatus::NV_ERR_TIMEOUT,
            false => NvStatus::NV_OK,
        })
    }))
}

#[test]
fn what_rm_does_not_free_loses_the_card() {
    // Nothing of what the object reaches may be used for something else.
    for class in [Class::FERMI_VASPACE_A, Class::KEPLER_CHANNEL_GROUP_A] {
        let gsp = refusing(class);
        let client = gsp.client(1);
        drop(client.alloc(handle::DEVICE, class, &nothing()).unwrap());
        assert!(gsp.rm.lost().is_some(), "{class}");
        let now = gsp.card.pci().config_read16(header::COMMAND).unwrap();
        assert_eq!(now & command::BUS_MASTER, 0);
        // Nor is there more memory for a card that may still reach what it had.
        let more = gsp.card.alloc(4096, crate::dma::DmaReach::Bits47);
        assert!(matches!(more, Err(crate::DmaError::Lost)));
    }
    // Its channel takes a copy object along.
    let gsp = refusing(Class::AMPERE_DMA_COPY_B);
    let client = gsp.client(1);
    let copy = client.alloc(handle::DEVICE, Class::AMPERE_DMA_COPY_B, &nothing());
    drop(copy.unwrap());
    assert!(gsp.rm.lost().is_none());
}

#[test]
fn a_client_that_rm_does_not_free_loses_the_card() {
    // As `take_apart` tells a client.
    let gsp = refusing(Class(handle::client(1) >> 16));
    let client = gsp.client(1);
    let group = client.alloc(handle::DEVICE, Class::KEPLER_CHANNEL_GROUP_A, &nothing());
    let mut group = group.unwrap();
    assert!(client.free_all().unwrap_err().is_lost());
    // It is gone with its client, as nobody runs it any more.
    assert!(gsp.rm.lost().is_some() && group.free().is_ok());
}

/// How many calls of a client that floods RM are answered between the first, at which RM is held
/// up for `pause`, and the one call of another client.
fn calls_between(pause: Duration) -> usize {
    let (started, is_started) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let gsp = Gsp::new(Box::new(move |&(_, call, _)| {
        if call == RmCall::Control(Control::NVA06C_GPFIFO_SCHEDULE) {
            let _ = started.send(());
            // Open for good once the sender is gone.
            let _ = gate.recv();
        }
        Some(NvStatus::NV_OK)
    }));
    let (flood, one) = (gsp.client(1), gsp.client(2));
    let call = |client: &Client<Model>| {
        let control = Control::NVA06C_GPFIFO_SCHEDULE;
        client.control(0xde1d_0000, control, &nothing()).unwrap();
    };
    gsp.take();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| call(&flood));
        }
        is_started.recv().unwrap();
        thread::sleep(pause);
        scope.spawn(|| call(&one));
        thread::sleep(pause);
        drop(open);
    });
    let asked = gsp.take();
    let mine = asked.iter().position(|asked| asked.0 == 0xc1d0_0002);
    mine.unwrap() - 1
}

#[test]
fn a_client_that_floods_rm_has_one_place_in_the_line() {
    // Only a machine that does not get as far as to wait makes it more than none.
    let pauses = (1..20).map(|step| Duration::from_millis(5 * step));
    let mut between = pauses.map(calls_between);
    assert!(between.any(|calls| calls == 0));
}

#[test]
fn parameters_come_back() {
    let gsp = Gsp::new(Box::new(well));
    let client = gsp.client(0);
    let params = GpfifoScheduleParams {
        bEnable: 1,
        bSkipSubmit: 0,
    };
    let control = Control::NVA06C_GPFIFO_SCHEDULE;
    let answer = client.control(0xde1d_0000, control, &params).unwrap();
    assert_eq!(answer.as_bytes(), [1, 0]);
}
