//! `tessera submit --dry-run`: its figures against what the render really costs, with a farm and without one.

use serde_json::Value;

use crate::farm::Farm;
use crate::sandbox::Sandbox;

const SHOT: &str = "scenes/pebbles.toml --width 128 --height 96 --spp 16";

fn plan(sandbox: &Sandbox, arguments: &str) -> Value {
    let stdout = sandbox.succeed(&format!("submit {SHOT} --dry-run --json {arguments}"));
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout:?} is no JSON object"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn estimated_rays_are_those_of_the_render() {
    let sandbox = Sandbox::new();
    let plan = plan(&sandbox, "");
    let lines = sandbox.succeed(&format!("render {SHOT} --backend cpu --json -o @out/film.exr"));
    let status = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last = status.filter(|line| line["event"] == "status").last().unwrap();
    let rays: f64 = ["camera", "bounce", "shadow"].iter().map(|kind| number(&last["rays"][kind])).sum();
    let (estimated, deviation) = (number(&plan["rays"]), number(&plan["rays_deviation"]));
    // The blocks and their samples are the same in every run: this holds or does not, whatever the machine.
    assert!((estimated - rays).abs() < 3.0 * deviation, "{estimated} ± {deviation}, {rays} were traced");
    assert!(deviation < 0.1 * rays, "{deviation}");
    assert!(number(&plan["seconds"]) > 0.0);
    assert_eq!((&plan["farm"], &plan["trusted"]), (&Value::Null, &Value::from(0.05)));
}

#[test]
fn a_farm_is_asked_and_given_nothing() {
    let farm = Farm::new();
    let with_farm = plan(&farm.sandbox, "");
    assert_eq!(with_farm["trusted"], 0.05);
    assert_eq!(
        (&with_farm["farm"]["workers"], &with_farm["farm"]["seconds"]),
        (&Value::from(0), &Value::Null)
    );
    assert_eq!(plan(&farm.sandbox, "--trusted 40")["trusted"], 0.4);
    assert!(farm.list("jobs").is_empty());
    let table = farm.sandbox.succeed(&format!("submit {SHOT} --dry-run"));
    assert!(table.contains("as the farm says"), "{table}");
}

#[test]
fn a_farm_that_is_gone_is_no_reason_to_say_nothing() {
    let farm = Farm::new();
    let Farm { sandbox, scheduler, .. } = farm;
    scheduler.kill();
    let ended = sandbox.run(&format!("submit {SHOT} --dry-run"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("the farm is not asked"), "{}", ended.stderr);
    assert!(ended.stdout.contains("as on a new farm"), "{}", ended.stdout);
}
