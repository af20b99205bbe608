// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Servers that die, hang or lie. Each gives a typed error, at once or after the time-out, and
//! the client never hangs.

mod common;

use std::{
    error::Error,
    io::Write,
    os::unix::net::UnixStream,
    thread::{self, JoinHandle},
    time::Duration,
};

use common::*;
use nova_pci::{Bar, BarIndex, DmaMemory, Pci, PciError};
use nova_transport::{VfioUser, VfioUserError};

const TIMEOUT: Duration = Duration::from_millis(300);

/// An honest answer, of a device with a BAR0 of 16 MiB and configuration space.
fn honest(question: &Message) -> Vec<u8> {
    let payload = match question.command {
        VERSION => [&[0, 0, 0, 0][..], b"{\"capabilities\":{}}\0"].concat(),
        GET_INFO => words(&[16, 3, 9, 5]),
        GET_REGION_INFO => {
            let index = u32::from_ne_bytes(question.payload[8..12].try_into().unwrap());
            let size = match index {
                0 => 16 << 20,
                7 => 4096,
                _ => 0,
            };
            [words(&[32, 3, index, 0]), longs(&[size, 0])].concat()
        }
        GET_IRQ_INFO => words(&[16, 1, 1, 1]),
        REGION_READ => {
            let count = u32::from_ne_bytes(question.payload[12..16].try_into().unwrap());
            [question.payload.clone(), vec![0; count as usize]].concat()
        }
        REGION_WRITE => question.payload[..16].to_vec(),
        DMA_UNMAP => question.payload.clone(),
        _ => Vec::new(),
    };
    message(question.id, question.command, REPLY, 0, &payload)
}

type Lie = fn(&Message, &mut UnixStream) -> bool;

/// Serves until `lie` has taken a question over and says to end, or the client goes.
fn serve(lie: Lie) -> (Result<VfioUser, VfioUserError>, JoinHandle<()>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || {
        while let Some(question) = receive(&mut theirs) {
            if lie(&question, &mut theirs) {
                return;
            }
        }
    });
    (VfioUser::new(ours, TIMEOUT), server)
}

/// Answers honestly but for one command, which `answer` makes bytes for.
macro_rules! lies {
    ($command:expr, $answer:expr) => {{
        fn lie(question: &Message, stream: &mut UnixStream) -> bool {
            let answer: fn(&Message) -> Vec<u8> = $answer;
            let bytes = match question.command == $command {
                true => answer(question),
                false => honest(question),
            };
            stream.write_all(&bytes).is_err()
        }
        serve(lie)
    }};
}

fn typed(error: &PciError) -> &VfioUserError {
    let PciError::Transport(error) = error else {
        panic!("{error:?}")
    };
    let inner = error.get_ref().and_then(|error| {
        let error: &(dyn Error + 'static) = error;
        error.downcast_ref()
    });
    inner.expect("a typed error")
}

#[test]
fn an_honest_server_is_served() {
    let (client, server) = serve(|question, stream| stream.write_all(&honest(question)).is_err());
    let client = client.unwrap();
    assert_eq!(client.config_read32(0).unwrap(), 0);
    let bar0 = client.bar(BarIndex::Bar0).unwrap();
    assert_eq!(bar0.read32(0).unwrap(), 0);
    assert!(matches!(
        client.bar(BarIndex::Bar1),
        Err(PciError::NoBar(_))
    ));
    drop((client, bar0));
    server.join().unwrap();
}

#[test]
fn a_server_that_dies_is_an_error_at_once_and_ever_after() {
    let (client, server) = serve(|question, stream| match question.command {
        REGION_READ => true,
        _ => stream.write_all(&honest(question)).is_err(),
    });
    let client = client.unwrap();
    let memory = DmaMemory::new(4096).unwrap();
    let mapping = client.dma_map(0x1000, &memory).unwrap();
    let error = client.config_read32(0).unwrap_err();
    assert!(
        matches!(typed(&error), VfioUserError::Closed(_)),
        "{error:?}"
    );
    server.join().unwrap();
    for error in [
        client.config_write(0, &[0]).unwrap_err(),
        client.reset().unwrap_err(),
        client.enable_msi().map(drop).unwrap_err(),
        client.dma_map(0x2000, &memory).map(drop).unwrap_err(),
    ] {
        assert!(matches!(typed(&error), VfioUserError::Lost(_)), "{error:?}");
    }
    // Dropping what it had does not hang either.
    drop(mapping);
}

#[test]
fn a_server_that_hangs_is_an_error_after_the_time_out() {
    let (client, server) = serve(|question, stream| match question.command {
        REGION_READ => false,
        _ => stream.write_all(&honest(question)).is_err(),
    });
    let client = client.unwrap();
    let error = client.config_read32(0).unwrap_err();
    assert!(
        matches!(typed(&error), VfioUserError::TimedOut { .. }),
        "{error:?}"
    );
    // A late answer would be taken for the next one's: there is no next one.
    assert!(matches!(
        typed(&client.config_read32(0).unwrap_err()),
        VfioUserError::Lost(_)
    ));
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_server_that_hangs_in_an_answer_is_an_error_after_the_time_out() {
    let (client, server) = lies!(REGION_READ, |question| honest(question)[..20].to_vec());
    let error = client.unwrap().config_read32(0).unwrap_err();
    assert!(
        matches!(typed(&error), VfioUserError::TimedOut { .. }),
        "{error:?}"
    );
    server.join().unwrap();
}

#[test]
fn a_refusal_is_an_error_and_the_connection_goes_on() {
    let (client, server) = lies!(DMA_MAP, |question| {
        // An errno, none, and what is none; and a payload that nobody wants.
        let error = [12, 0, u32::MAX, 1 << 31, 70_000][usize::from(question.id / 3 % 5)];
        message(question.id, DMA_MAP, REPLY | ERROR, error, &[1, 2, 3])
    });
    let client = client.unwrap();
    let memory = DmaMemory::new(4096).unwrap();
    for _ in 0..2 {
        let error = client.dma_map(0x1000, &memory).map(drop).unwrap_err();
        assert!(
            matches!(typed(&error), VfioUserError::Refused { .. }),
            "{error:?}"
        );
        assert_eq!(client.config_read32(0).unwrap(), 0);
        // The ids' parity changes.
        client.reset().unwrap();
    }
    drop(client);
    server.join().unwrap();
}

#[test]
fn answers_that_make_no_sense_are_errors() {
    fn sized(question: &Message, size: u32) -> Vec<u8> {
        let mut bytes = honest(question);
        bytes[4..8].copy_from_slice(&size.to_ne_bytes());
        bytes
    }
    for (client, server) in [
        lies!(REGION_READ, |question| sized(question, 0)),
        lies!(REGION_READ, |question| sized(question, u32::MAX)),
        lies!(REGION_READ, |question| sized(question, 1 << 20)),
        // The answer to another question, to another command, and too short.
        lies!(REGION_READ, |q| message(
            q.id + 1,
            REGION_READ,
            REPLY,
            0,
            &[0; 20]
        )),
        lies!(REGION_READ, |q| message(
            q.id,
            REGION_WRITE,
            REPLY,
            0,
            &[0; 20]
        )),
        lies!(REGION_READ, |q| message(
            q.id,
            REGION_READ,
            REPLY,
            0,
            &[0; 19]
        )),
    ] {
        let error = client.unwrap().config_read32(0).unwrap_err();
        assert!(
            matches!(typed(&error), VfioUserError::Nonsense { .. }),
            "{error:?}"
        );
        server.join().unwrap();
    }
}

#[test]
fn a_handshake_that_makes_no_sense_is_an_error() {
    let nonsense = |error: &VfioUserError| matches!(error, VfioUserError::Nonsense { .. });
    for (client, server) in [
        lies!(VERSION, |q| message(q.id, VERSION, REPLY, 0, &[0, 0])),
        lies!(VERSION, |q| message(
            q.id,
            VERSION,
            REPLY,
            0,
            &[0, 0, 0, 0, b'{']
        )),
        lies!(VERSION, |q| message(
            q.id,
            VERSION,
            REPLY,
            0,
            &[b' '; 100_000]
        )),
        lies!(GET_INFO, |q| message(q.id, GET_INFO, REPLY, 0, &[0; 12])),
        lies!(GET_REGION_INFO, |q| message(
            q.id,
            GET_REGION_INFO,
            REPLY,
            0,
            &[0; 8]
        )),
        // Each is said to be region 3.
        lies!(GET_REGION_INFO, |q| {
            let answer = [words(&[32, 3, 3, 0]), longs(&[4096, 0])].concat();
            message(q.id, GET_REGION_INFO, REPLY, 0, &answer)
        }),
    ] {
        let error = client.map(drop).unwrap_err();
        assert!(nonsense(&error), "{error:?}");
        server.join().unwrap();
    }
    let (client, server) = lies!(VERSION, |q| message(q.id, VERSION, REPLY, 0, &[1, 0, 0, 0]));
    let error = client.map(drop).unwrap_err();
    assert!(
        matches!(error, VfioUserError::Version { major: 1, .. }),
        "{error:?}"
    );
    server.join().unwrap();
    let (client, server) = lies!(GET_INFO, |q| {
        message(
            q.id,
            GET_INFO,
            REPLY,
            0,
            &words(&[16, 3, u32::MAX, u32::MAX]),
        )
    });
    // Only the regions that a PCI device has are asked for.
    drop(client.unwrap());
    server.join().unwrap();
    let (client, server) = lies!(GET_INFO, |q| {
        message(q.id, GET_INFO, REPLY, 0, &words(&[16, 1, 9, 5]))
    });
    let error = client.map(drop).unwrap_err();
    assert!(
        matches!(error, VfioUserError::NotPci { flags: 1, .. }),
        "{error:?}"
    );
    server.join().unwrap();
}

#[test]
fn capabilities_that_make_no_sense_offer_no_memory() {
    let (client, server) = lies!(GET_REGION_INFO, |q| {
        // A capability at 5000, and 4 GiB of them.
        let index = u32::from_ne_bytes(q.payload[8..12].try_into().unwrap());
        let answer = [words(&[u32::MAX, 0xf, index, 5000]), longs(&[1 << 20, 0])].concat();
        message(q.id, GET_REGION_INFO, REPLY, 0, &answer)
    });
    let client = client.unwrap();
    assert!(client.bar(BarIndex::Bar0).unwrap().memory().is_none());
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_question_of_the_servers_is_declined_and_the_answer_awaited() {
    let (client, server) = serve(|question, stream| {
        if question.command == REGION_READ {
            // DMA_READ, which a server may send.
            stream
                .write_all(&message(99, 11, 0, 0, &longs(&[0x1000, 4])))
                .unwrap();
            let declined = receive(stream).unwrap();
            assert_eq!((declined.id, declined.command), (99, 11));
            assert_eq!(declined.flags, REPLY | ERROR);
        }
        stream.write_all(&honest(question)).is_err()
    });
    let client = client.unwrap();
    assert_eq!(client.config_read32(0).unwrap(), 0);
    drop(client);
    server.join().unwrap();
}
