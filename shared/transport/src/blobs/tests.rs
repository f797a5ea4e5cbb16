//! The store on a folder of its own: what is resumed, refused, and makes room. Knows no connection.

use super::*;

fn store(bytes_max: u64) -> (tempfile::TempDir, Arc<BlobStore>) {
    let directory = tempfile::tempdir().unwrap();
    let store = BlobStore::open(directory.path(), bytes_max).unwrap();
    (directory, store)
}

fn put(store: &Arc<BlobStore>, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    let mut partial = store.begin(digest, bytes.len() as u64).unwrap();
    let offset = partial.offset() as usize;
    partial.write(&bytes[offset..]).unwrap();
    partial.finish().unwrap();
    digest
}

#[test]
fn a_blob_is_resumed_where_it_broke_off() {
    let (directory, store) = store(100);
    let digest = Digest::of(b"hello world");
    let mut partial = store.begin(digest, 11).unwrap();
    partial.write(b"hello").unwrap();
    drop(partial);
    let mut partial = store.begin(digest, 11).unwrap();
    assert_eq!(partial.offset(), 5);
    partial.write(b" world").unwrap();
    partial.finish().unwrap();
    assert_eq!(&store.read(&digest).unwrap()[..], b"hello world");
    let again = BlobStore::open(directory.path(), 100).unwrap();
    assert_eq!(again.bytes_of(&digest), Some(11));
}

fn begins(store: &Arc<BlobStore>, blob: &[u8], bytes: usize) {
    let mut partial = store.begin(Digest::of(blob), blob.len() as u64).unwrap();
    partial.write(&blob[..bytes]).unwrap();
}

#[test]
fn what_is_begun_and_left_counts_and_makes_room() {
    let (directory, store) = store(30);
    begins(&store, b"aaaaaaaaaa", 9);
    begins(&store, b"bbbbbbbbbb", 8);
    assert_eq!(store.index().bytes, 17);
    let files = || std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(files(), 2);
    // A stranger's second copy of a blob under way leaves nothing, and neither does one without a byte.
    let growing = store.begin(Digest::of(b"cc"), 2).unwrap();
    begins(&store, b"cc", 1);
    drop(growing);
    assert_eq!((files(), store.index().bytes), (2, 17));
    // Resuming needs no more room than the blob has.
    let resumed = store.begin(Digest::of(b"bbbbbbbbbb"), 10).unwrap();
    assert_eq!((resumed.offset(), store.index().bytes), (8, 19));
    drop(resumed);
    let again = BlobStore::open(directory.path(), 20).unwrap();
    assert_eq!(again.index().bytes, 17);
    put(&again, b"dddddddddd");
    assert_eq!(again.index().bytes, 18);
    assert_eq!(again.begin(Digest::of(b"aaaaaaaaaa"), 1).map(|partial| partial.offset()).ok(), Some(0));
    assert!(matches!(again.begin(Digest::of(b"eeee"), 11), Err(BlobError::Full { .. })));
}

#[test]
fn only_so_many_are_left_begun() {
    let (directory, store) = store(1 << 20);
    (0..IDLE_MAX as u32 + 10).for_each(|number| begins(&store, &number.to_le_bytes(), 1));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), IDLE_MAX);
    assert_eq!(store.index().bytes, IDLE_MAX as u64);
}

#[test]
fn bytes_that_do_not_hash_are_refused_and_not_resumed() {
    let (_directory, store) = store(100);
    let digest = Digest::of(b"hello");
    let mut partial = store.begin(digest, 5).unwrap();
    partial.write(b"jello").unwrap();
    assert!(matches!(partial.finish(), Err(BlobError::Digest(_))));
    assert_eq!(store.begin(digest, 5).unwrap().offset(), 0);
    let mut partial = store.begin(digest, 5).unwrap();
    assert!(partial.write(b"hello!").is_err());
    assert_eq!(store.bytes_of(&digest), None);
}

#[test]
fn two_senders_of_one_blob_do_not_mix() {
    let (_directory, store) = store(100);
    let digest = Digest::of(b"hello");
    let mut first = store.begin(digest, 5).unwrap();
    first.write(b"he").unwrap();
    let mut second = store.begin(digest, 5).unwrap();
    assert_eq!(second.offset(), 0);
    second.write(b"hello").unwrap();
    second.finish().unwrap();
    first.write(b"llo").unwrap();
    first.finish().unwrap();
    assert_eq!(&store.read(&digest).unwrap()[..], b"hello");
    assert_eq!(store.index().bytes, 5);
}

#[test]
fn the_least_recently_used_blob_makes_room() {
    let (_directory, store) = store(10);
    let (a, b) = (put(&store, b"aaaa"), put(&store, b"bbbb"));
    assert!(matches!(store.begin(Digest::of(b"cccc"), 4), Err(BlobError::Full { .. })));
    store.read(&a).unwrap();
    store.make_room(4, &BTreeSet::new());
    assert_eq!((store.bytes_of(&a), store.bytes_of(&b)), (Some(4), None));
    store.make_room(10, &BTreeSet::from([a]));
    assert_eq!(store.bytes_of(&a), Some(4));
}

#[test]
fn damage_on_disk_is_found_when_read() {
    let (directory, store) = store(10);
    let digest = put(&store, b"good");
    std::fs::write(directory.path().join(digest.hex()), b"evil").unwrap();
    assert!(matches!(store.read(&digest), Err(BlobError::Digest(_))));
    assert_eq!(store.bytes_of(&digest), None);
}
