//! Devices on their way into a farm: exact ones serve, one with a planted wrong bit is refused by the name of its vector, and the
//! farm shows it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tessera_backends::conformance::{Recorded, Suite};
use tessera_backends::{
    Backend, BlockItem, BuildOptions, DeviceDescription, FrameView, PreparedScene, RenderError, cpu_backend,
};
use tessera_scheduler::{JobOptions, JobState, Role, WorkerState};
use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::film::BlockPixels;
use tessera_shared::messages::{Device, Mode, Verify};
use tessera_shared::package::FrameEntry;
use tessera_worker::admission::{Examined, Examiner, Fresh};
use tessera_worker::{
    BlockItem as Item, Examination, Renderer, Scene, WorkerError, WorkerOptions, renderers, run,
};

use crate::shot::{Forger, Gate, Gated, Honest, Shot};
use crate::stand::{Stand, ended, local_digests};

/// A driver that contracts one sum, and says which it is.
struct Contracting {
    driver: &'static str,
    runs: Arc<AtomicUsize>,
}

const OPERATION: u32 = 32;

impl Backend for Contracting {
    fn describe(&self) -> DeviceDescription {
        DeviceDescription { driver: self.driver.to_owned(), ..cpu_backend(1).describe() }
    }

    fn render(
        &mut self,
        scene: &Arc<PreparedScene>,
        frame: &FrameView,
        items: &[BlockItem],
    ) -> Result<Vec<BlockPixels>, RenderError> {
        cpu_backend(1).render(scene, frame, items)
    }

    fn operations(&mut self, vectors: &[[u32; 4]]) -> Result<Vec<[u32; 4]>, RenderError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let mut answers = cpu_backend(1).operations(vectors)?;
        let at = vectors.iter().position(|vector| vector[3] == OPERATION).unwrap();
        answers[at][0] ^= 1;
        Ok(answers)
    }
}

fn suite() -> Suite {
    let empty = Suite { tiles: Vec::new(), recorded: Recorded::default() };
    Suite { recorded: empty.measure().unwrap(), ..empty }
}

fn examine(data: &Path, backend: Box<dyn Backend>) -> Examined {
    let suite = suite();
    let make = || Ok(suite.clone());
    let examiner = Examiner { data, wanted: suite.digest(), suite: &make, fresh: Fresh::Never };
    examiner.examine(vec![backend]).unwrap().remove(0)
}

fn contracting(runs: &Arc<AtomicUsize>, driver: &'static str) -> Box<dyn Backend> {
    Box::new(Contracting { driver, runs: runs.clone() })
}

#[test]
fn a_result_is_kept_until_the_driver_or_the_suite_changes() {
    let data = tempfile::tempdir().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let first = examine(data.path(), contracting(&runs, "1.0"));
    let again = examine(data.path(), contracting(&runs, "1.0"));
    assert_eq!((first.known, again.known, runs.load(Ordering::Relaxed)), (false, true, 1));
    assert_eq!(first.report, again.report);
    assert_eq!(first.report.serves, Serves::None);
    assert!(first.report.failures[0].starts_with("`a * b + c`: 1 of "), "{:?}", first.report);
    assert!(!examine(data.path(), contracting(&runs, "1.1")).known);
    let mut other = suite();
    other.recorded.insert("another".into(), other.digest());
    let make = || Ok(other.clone());
    let examiner = Examiner { data: data.path(), wanted: other.digest(), suite: &make, fresh: Fresh::Never };
    let changed = examiner.examine(vec![contracting(&runs, "1.0")]).unwrap().remove(0);
    assert_eq!((changed.known, runs.load(Ordering::Relaxed)), (false, 3));
    // A result that was tampered with is none.
    for file in std::fs::read_dir(data.path().join("conformance")).unwrap() {
        std::fs::write(file.unwrap().path(), "failed\n").unwrap();
    }
    assert!(!examine(data.path(), contracting(&runs, "1.0")).known);
    assert_eq!(examine(data.path(), cpu_backend(1)).report.serves, Serves::Every);
}

/// A worker that joins with these reports and renders with the double where it may.
async fn joins(
    stand: &Stand,
    name: &str,
    reports: Vec<DeviceReport>,
    lends: bool,
) -> Result<(), WorkerError> {
    let data = stand.directory.path().join(name);
    let mut options = WorkerOptions::new(stand.scheduler.link(Role::Worker), data, name.to_owned());
    options.reports = reports;
    let backends = if lends { vec![cpu_backend(1)] } else { Vec::new() };
    run(options, renderers(backends, BuildOptions::default()), std::future::pending()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_with_one_wrong_bit_is_refused_by_the_name_of_its_vector() {
    let stand = Stand::new().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let report = examine(&stand.directory.path().join("wrong"), contracting(&runs, "1.0")).report;
    let refused = joins(&stand, "wrong", vec![report.clone()], false).await.unwrap_err().to_string();
    assert!(refused.contains("refuses this worker") && refused.contains("`a * b + c`: 1 of "), "{refused}");
    let artist = stand.artist().await;
    let shown = artist.workers().await.unwrap();
    let [worker] = &shown[..] else { panic!("{shown:?}") };
    assert_eq!((worker.name.as_str(), &worker.reports), ("wrong", &vec![report.clone()]));
    assert!(matches!(&worker.state, WorkerState::Refused(reason) if reason.contains("`a * b + c`")));
    // A report that contradicts itself is not even read.
    let lie = DeviceReport { serves: Serves::Every, ..report };
    let error = joins(&stand, "liar", vec![lie], false).await.unwrap_err().to_string();
    assert!(error.contains("contradict themselves"), "{error}");
    assert_eq!(artist.workers().await.unwrap().len(), 1);
    // It comes again with the same driver: one line is enough.
    let told = vec![artist.workers().await.unwrap()[0].reports[0].clone()];
    joins(&stand, "wrong", told, false).await.unwrap_err();
    assert_eq!(artist.workers().await.unwrap().len(), 1);
    // The refused key may come again with an exact device.
    let good = stand.worker("wrong", Honest);
    let (job, status) = stand.completes(&Shot::default().package()).await;
    assert_eq!(status.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(Shot::default().package(), 1));
    good.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_not_exact_serves_fast_jobs_alone() {
    let stand = Stand::new().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let report = examine(&stand.directory.path().join("fast"), contracting(&runs, "1.0")).report;
    let report = DeviceReport { serves: Serves::Fast, ..report };
    let artist = stand.artist().await;
    let package = Shot::default().package();
    let checked = JobOptions { mode: Mode::Fast, ..JobOptions::default() };
    let refused = artist.submit(&package, checked, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("nobody can check a job of mode fast"), "{refused}");
    let exact = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let fast = JobOptions { mode: Mode::Fast, verify: Verify::None, ..JobOptions::default() };
    let fast = artist.submit(&package, fast, |_| {}).await.unwrap();
    let serving = {
        let joined = joins(&stand, "fast", vec![report], true);
        tokio::select! {
            status = ended(&artist, fast) => status,
            ended = joined => panic!("{ended:?}"),
        }
    };
    // The exact job is older and had not even begun.
    assert_eq!(serving.state, JobState::Completed);
    let jobs = artist.jobs().await.unwrap();
    let waiting = jobs.iter().find(|status| status.job == exact).unwrap();
    assert_eq!((&waiting.state, waiting.tiles_done), (&JobState::Queued, 0));
    let _honest = stand.worker("honest", Honest);
    assert_eq!(ended(&artist, exact).await.state, JobState::Completed);
}

/// A device that renders as the other does, and is examined: exact at first, and with one wrong bit once it is worn.
struct Aging<R> {
    rendering: R,
    worn: Arc<AtomicBool>,
    examined: Arc<AtomicUsize>,
}

impl<R: Renderer> Renderer for Aging<R> {
    fn device(&self) -> Device {
        self.rendering.device()
    }

    fn render(
        &mut self,
        scene: &Scene,
        frame: &FrameEntry,
        items: &[Item],
    ) -> anyhow::Result<Vec<BlockPixels>> {
        self.rendering.render(scene, frame, items)
    }

    fn examine(&mut self, suite: &Suite) -> Vec<String> {
        self.examined.fetch_add(1, Ordering::Relaxed);
        let driver = match self.worn.load(Ordering::Relaxed) {
            true => contracting(&self.examined, "1.0"),
            // Its vectors take long where nothing is optimised.
            false => return Vec::new(),
        };
        renderers(vec![driver], BuildOptions::default()).remove(0).examine(suite)
    }
}

/// Options of a worker that is examined over and over.
fn examined(stand: &Stand, name: &str) -> WorkerOptions {
    let suite = suite();
    let examination =
        Examination { suite: Arc::new(move || Ok(suite.clone())), every: Duration::from_millis(2) };
    WorkerOptions { examination: Some(examination), ..stand.options(name) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_gets_a_bit_wrong_while_it_serves_is_lent_no_longer_and_its_leases_go_back() {
    let stand = Stand::new().await;
    let (worn, runs, gate) =
        (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::<Gate>::default());
    let rendering = Gated(gate.clone());
    let device = Aging { rendering, worn: worn.clone(), examined: runs.clone() };
    let options = examined(&stand, "aging");
    let data = options.data.clone();
    let aging = Stand::start(options, device);
    let artist = stand.artist().await;
    let package = Shot { frames: 3, ..Shot::default() }.package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    gate.reached.notified().await;
    // It holds leases, and has been examined before them or will be after the first.
    worn.store(true, Ordering::Relaxed);
    gate.open();
    let error = aging.task.await.unwrap().unwrap_err();
    let WorkerError::Inexact { devices, quarantine: None } = &error else { panic!("{error}") };
    assert!(
        error.to_string().contains("not exact any more: arithmetic (test): `a * b + c`: 1 of "),
        "{error}"
    );
    let honest = stand.worker("honest", Honest);
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    honest.leave().await.unwrap();

    // What it keeps of that bars it from its next start, and the farm hears the name.
    let suite = suite();
    let make = || Ok(suite.clone());
    let examiner = Examiner { data: &data, wanted: suite.digest(), suite: &make, fresh: Fresh::Never };
    let backend = contracting(&runs, "1.0");
    let described = examiner.examine(vec![cpu_backend(1)]).unwrap().remove(0).report.device;
    examiner.keep_failures(&Device { driver: "1.0".into(), ..described }, &devices[0].failures);
    let kept = examiner.examine(vec![backend]).unwrap().remove(0);
    assert_eq!(
        (kept.known, kept.report.serves, &kept.report.failures),
        (true, Serves::None, &devices[0].failures)
    );
    let refused = joins(&stand, "aging", vec![kept.report], false).await.unwrap_err().to_string();
    assert!(refused.contains("`a * b + c`: 1 of "), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_quarantined_examines_its_devices_at_once() {
    for (worn, says) in [(true, "`a * b + c`: 1 of "), (false, "were examined at once and are exact")] {
        let stand = Stand::new().await;
        let examined_often = Arc::<AtomicUsize>::default();
        let device = Aging {
            rendering: Forger,
            worn: Arc::new(AtomicBool::new(worn)),
            examined: examined_often.clone(),
        };
        let mut options = examined(&stand, "forger");
        // Not by chance before.
        options.examination.as_mut().unwrap().every = Duration::from_secs(3600);
        let forger = Stand::start(options, device);
        let artist = stand.artist().await;
        artist.submit(&Shot::default().package(), JobOptions::default(), |_| {}).await.unwrap();
        let error = forger.task.await.unwrap().unwrap_err();
        assert_eq!(worn, matches!(error, WorkerError::Inexact { quarantine: Some(_), .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("quarantined this worker's key") && said.contains(says), "{said}");
        assert!(examined_often.load(Ordering::Relaxed) > 0);
    }
}
