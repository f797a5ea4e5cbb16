//! Programs of another version than the farm's are told what to install, and do not ask again and again.

use std::net::Ipv4Addr;

use quinn::Endpoint;
use tessera_scheduler::client::ClientError;
use tessera_scheduler::{Identity, JobOptions, Link, Role};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::messages::{Hello, Refusal, Token, Welcome};
use tessera_transport::dial::{DialError, dial};
use tessera_transport::frames::{read_message, write_message};
use tessera_transport::{link::Fingerprint, tls};
use tessera_worker::{WorkerError, WorkerOptions};

use crate::shot::{Honest, Shot};
use crate::stand::Stand;

const INSTALL: &str = "install the farm's version of tessera";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_kernel_is_refused_in_every_role() {
    let stand = Stand::new().await;
    let (name, tags) = ("other".to_owned(), Vec::new());
    for kernel_version in [0, KERNEL_VERSION - 1, KERNEL_VERSION + 1, u32::MAX] {
        let (worker, artist) = (stand.scheduler.link(Role::Worker), stand.scheduler.link(Role::Artist));
        let (token, devices, reports) = (worker.token, Vec::new(), Vec::new());
        let (name, tags) = (name.clone(), tags.clone());
        let hellos = [
            (
                Hello::Worker { token, kernel_version, name: name.clone(), devices, tags: tags.clone() },
                &worker,
            ),
            (
                Hello::Examined {
                    token,
                    kernel_version,
                    name: name.clone(),
                    reports: Vec::new(),
                    tags: tags.clone(),
                },
                &worker,
            ),
            (
                Hello::Asleep {
                    token,
                    kernel_version,
                    name,
                    devices: Vec::new(),
                    reports,
                    tags,
                    for_ms: 1_000,
                },
                &worker,
            ),
            (Hello::Artist { token: artist.token, kernel_version }, &artist),
        ];
        for (hello, link) in hellos {
            let refused = dial(link, &Identity::ephemeral().unwrap(), &hello).await.unwrap_err();
            let DialError::Refused(Refusal::KernelVersion { expected, found }) = &refused else {
                panic!("{refused}")
            };
            assert_eq!((*expected, *found), (KERNEL_VERSION, kernel_version));
            assert!(refused.to_string().contains(INSTALL), "{refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_for_another_kernel_is_refused_by_its_version() {
    let stand = Stand::new().await;
    let mut package = Shot::default().package();
    package.manifest.kernel_version += 1;
    let refused = stand.artist().await.submit(&package, JobOptions::default(), |_| {}).await.unwrap_err();
    assert!(matches!(refused, ClientError::Submit(_)), "{refused}");
    assert!(refused.to_string().contains("compile the shot again"), "{refused}");
}

/// A farm of a later kernel: it answers one worker, which ends with what to install.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_on_a_farm_of_another_kernel_ends_and_says_what_to_install() {
    let directory = tempfile::TempDir::new().unwrap();
    let farm = Identity::ephemeral().unwrap();
    let config = tls::server_config(&farm).unwrap();
    let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let link = Link {
        host: "127.0.0.1".to_owned(),
        port: endpoint.local_addr().unwrap().port(),
        role: Role::Worker,
        fingerprint: Fingerprint::of(&farm.key()),
        token: Token([0; 16]),
    };
    let refusing = async {
        let connection = endpoint.accept().await.unwrap().await.unwrap();
        let (mut send, mut recv) = connection.accept_bi().await.unwrap();
        let hello = read_message::<Hello>(&mut recv).await.unwrap();
        assert!(matches!(hello, Hello::Worker { kernel_version: KERNEL_VERSION, .. }));
        let refusal = Refusal::KernelVersion { expected: KERNEL_VERSION + 1, found: KERNEL_VERSION };
        write_message(&mut send, &Welcome::Refused(refusal)).await.unwrap();
        connection.closed().await;
    };
    let options = WorkerOptions::new(link, directory.path().to_owned(), "old".to_owned());
    let (ended, ()) = tokio::join!(Stand::start(options, Honest).task, refusing);
    let ended = ended.unwrap().unwrap_err();
    assert!(matches!(ended, WorkerError::Dial(DialError::Refused(_))), "{ended}");
    assert!(ended.to_string().contains(INSTALL), "{ended}");
}
