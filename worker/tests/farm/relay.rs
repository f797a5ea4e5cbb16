//! A road for datagrams between workers and a scheduler that can be closed, be bad, or lead through another door. Knows
//! nothing of QUIC: it sees sizes and addresses.

use std::collections::{BTreeMap, BinaryHeap};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the threads look whether the relay has been dropped.
const ATTENTION: Duration = Duration::from_millis(20);

/// What happens to a datagram, in thousandths of all of them.
#[derive(Clone, Copy, Default)]
pub struct Weather {
    pub lost_permille: u64,
    pub doubled_permille: u64,
    /// Held back by up to `delay_max`, so that later ones overtake them.
    pub delayed_permille: u64,
    pub delay_max: Duration,
}

/// What went through, in bytes of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub to_scheduler: u64,
    pub to_clients: u64,
    pub lost: u64,
}

/// A relay that runs until it is dropped.
pub struct Relay {
    pub address: SocketAddr,
    road: Arc<Road>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Road {
    inside: UdpSocket,
    scheduler: SocketAddr,
    weather: Mutex<Weather>,
    closed: AtomicBool,
    /// Closes when so many bytes have gone either way.
    allowance: AtomicU64,
    over: AtomicBool,
    /// The socket that stands for each client before the scheduler.
    doors: Mutex<BTreeMap<SocketAddr, Arc<UdpSocket>>>,
    words: AtomicU64,
    sequence: AtomicU64,
    traffic: Mutex<Traffic>,
}

/// A datagram on its way.
struct Parcel {
    due: Instant,
    number: u64,
    from: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Relay {
    pub fn to(scheduler: SocketAddr) -> Relay {
        let inside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        inside.set_read_timeout(Some(ATTENTION)).unwrap();
        let address = inside.local_addr().unwrap();
        let road = Arc::new(Road {
            inside,
            scheduler,
            weather: Mutex::default(),
            closed: AtomicBool::new(false),
            allowance: AtomicU64::new(u64::MAX),
            over: AtomicBool::new(false),
            doors: Mutex::default(),
            words: AtomicU64::new(1),
            sequence: AtomicU64::new(0),
            traffic: Mutex::default(),
        });
        let (parcels, waiting) = channel();
        let (carrying, receiving) = (road.clone(), road.clone());
        let threads = vec![
            std::thread::spawn(move || carrying.carry(&waiting)),
            std::thread::spawn(move || receiving.receive_clients(&parcels)),
        ];
        Relay { address, road, threads }
    }

    pub fn weather(&self, weather: Weather) {
        *self.road.weather.lock().unwrap() = weather;
    }

    /// Nothing passes any more.
    pub fn close(&self) {
        self.road.closed.store(true, Relaxed);
    }

    /// Nothing passes once so many bytes have gone one way.
    pub fn close_after(&self, bytes: u64) {
        self.road.allowance.store(bytes, Relaxed);
    }

    pub fn open(&self) {
        self.road.allowance.store(u64::MAX, Relaxed);
        self.road.closed.store(false, Relaxed);
    }

    /// Clients appear to the scheduler at other ports from now on, as behind a NAT that forgot them.
    pub fn rebind(&self) {
        self.road.doors.lock().unwrap().clear();
    }

    pub fn traffic(&self) -> Traffic {
        *self.road.traffic.lock().unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.road.over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Road {
    /// The next word of splitmix64 (Steele et al. 2014); which datagram gets which depends on their order.
    fn word(&self) -> u64 {
        let mut word = self.words.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn chance(&self, permille: u64) -> bool {
        self.word() % 1000 < permille
    }

    fn receive_clients(self: Arc<Road>, parcels: &Sender<Parcel>) {
        let mut bytes = vec![0; 1 << 16];
        while !self.over.load(Relaxed) {
            let Ok((length, client)) = self.inside.recv_from(&mut bytes) else { continue };
            let door = self.door(client, parcels);
            self.accept(&bytes[..length], &door, self.scheduler, parcels);
        }
    }

    fn door(self: &Arc<Road>, client: SocketAddr, parcels: &Sender<Parcel>) -> Arc<UdpSocket> {
        let mut doors = self.doors.lock().unwrap();
        let door = doors.entry(client).or_insert_with(|| {
            let door = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
            door.set_read_timeout(Some(ATTENTION)).unwrap();
            let (road, mine, parcels) = (self.clone(), door.clone(), parcels.clone());
            std::thread::spawn(move || road.receive_scheduler(&mine, client, &parcels));
            door
        });
        door.clone()
    }

    /// Until the door is another's.
    fn receive_scheduler(&self, door: &Arc<UdpSocket>, client: SocketAddr, parcels: &Sender<Parcel>) {
        let inside = Arc::new(self.inside.try_clone().unwrap());
        let mut bytes = vec![0; 1 << 16];
        let mine =
            || self.doors.lock().unwrap().get(&client).is_some_and(|door_now| Arc::ptr_eq(door_now, door));
        while !self.over.load(Relaxed) && mine() {
            let Ok((length, _)) = door.recv_from(&mut bytes) else { continue };
            self.accept(&bytes[..length], &inside, client, parcels);
        }
    }

    fn accept(&self, bytes: &[u8], from: &Arc<UdpSocket>, to: SocketAddr, parcels: &Sender<Parcel>) {
        let weather = *self.weather.lock().unwrap();
        if self.closed.load(Relaxed) || self.chance(weather.lost_permille) {
            self.traffic.lock().unwrap().lost += bytes.len() as u64;
            return;
        }
        let copies = if self.chance(weather.doubled_permille) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = match self.chance(weather.delayed_permille) {
                true => weather.delay_max * (self.word() % 1000) as u32 / 1000,
                false => Duration::ZERO,
            };
            let parcel = Parcel {
                due: Instant::now() + delay,
                number: self.sequence.fetch_add(1, Relaxed),
                from: from.clone(),
                to,
                bytes: bytes.to_vec(),
            };
            // The carrier lives as long as the road.
            let _ = parcels.send(parcel);
        }
    }

    fn carry(&self, parcels: &Receiver<Parcel>) {
        let mut waiting: BinaryHeap<Parcel> = BinaryHeap::new();
        while !self.over.load(Relaxed) {
            let due =
                waiting.peek().map_or(ATTENTION, |next| next.due.saturating_duration_since(Instant::now()));
            match parcels.recv_timeout(due.min(ATTENTION)) {
                Ok(parcel) => waiting.push(parcel),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while waiting.peek().is_some_and(|next| next.due <= Instant::now()) {
                let parcel = waiting.pop().expect("it was just seen");
                self.deliver(&parcel);
            }
        }
    }

    fn deliver(&self, parcel: &Parcel) {
        let mut traffic = self.traffic.lock().unwrap();
        let way = match parcel.to == self.scheduler {
            true => &mut traffic.to_scheduler,
            false => &mut traffic.to_clients,
        };
        *way += parcel.bytes.len() as u64;
        if *way >= self.allowance.load(Relaxed) {
            self.closed.store(true, Relaxed);
        }
        // A scheduler or a worker that is gone refuses its datagrams.
        let _ = parcel.from.send_to(&parcel.bytes, parcel.to);
    }
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Parcel) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Parcel {}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Parcel) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parcel {
    /// The heap's greatest is the parcel that is due first.
    fn cmp(&self, other: &Parcel) -> std::cmp::Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}
