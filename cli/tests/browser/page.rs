//! The tab as somebody sees and touches it: text and pixels to wait for, a pointer, keys. Knows the page's elements by what they
//! say, not what they are for.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::chromium::Chromium;

/// More stops no view has.
const TABS_MAX: u32 = 80;

/// Keys that do something by their code.
const KEY_CODES: [(&str, u32); 11] = [
    ("Backspace", 8),
    ("Tab", 9),
    ("Enter", 13),
    ("Escape", 27),
    ("PageDown", 34),
    ("End", 35),
    ("Home", 36),
    ("ArrowLeft", 37),
    ("ArrowUp", 38),
    ("ArrowRight", 39),
    ("ArrowDown", 40),
];

/// Names for what stands in the page, before each expression: elements that can be seen, by what they say.
const WORDS: &str = r#"
const seen = (selector) => [...document.querySelectorAll(selector)].filter((node) => node.checkVisibility());
const named = (node) => node.getAttribute("aria-label") ?? node.textContent.trim();
const button = (text) => seen("button").find((node) => named(node) === text && !node.disabled);
const link = (text) => seen("a").find((node) => named(node) === text);
const text = (selector) => (document.querySelector(selector)?.textContent ?? "").trim();
const picture = () => {
  const canvas = document.getElementById("picture");
  return canvas && canvas.width > 1 ? canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height) : null;
};
const opaque = () => {
  const { data = [] } = picture() ?? {};
  let pixels = 0;
  for (let at = 3; at < data.length; at += 4) pixels += data[at] === 255;
  return pixels;
};
const focused = () => document.activeElement.outerHTML.slice(0, 200);
const marked = () => {
  const node = document.activeElement;
  if (!node.matches(":focus-visible")) return false;
  const drawn = (style) =>
    (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) ||
    (style.content !== "none" && style.borderTopStyle !== "none" && parseFloat(style.borderTopWidth) > 0);
  return drawn(getComputedStyle(node, "::after")) || getComputedStyle(node).outlineStyle !== "none";
};
const base64 = (bytes) => {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
};
"#;

/// Pixels as RGBA, row by row.
#[derive(Debug, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

/// How a reader's system is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Dark,
    Light,
}

/// The tab.
pub struct Page {
    browser: Chromium,
}

impl Page {
    /// Opens an address in a browser of its own, in a window that a desktop has. None without Chromium; `skipped` says what is
    /// not tested then.
    pub fn open(address: &str, skipped: &str) -> Option<Page> {
        let mut page = Page { browser: Chromium::start(skipped)? };
        page.browser.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        page.browser.call("Performance.enable", json!({ "timeDomain": "threadTicks" }));
        page.window(1280, 900, 1.0);
        page.scheme(Scheme::Dark);
        page.go(address);
        Some(page)
    }

    /// Leaves for another address.
    pub fn go(&mut self, address: &str) {
        self.browser.call("Page.navigate", json!({ "url": address }));
    }

    /// The size of the window in CSS pixels, and of each of them in the screen's.
    pub fn window(&mut self, width: u32, height: u32, scale: f64) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600 });
        self.browser.call("Emulation.setDeviceMetricsOverride", size);
    }

    pub fn scheme(&mut self, scheme: Scheme) {
        let value = if scheme == Scheme::Dark { "dark" } else { "light" };
        // Nothing glows or moves for those who ask for calm, which also keeps pixels as they are.
        let features = json!([
            { "name": "prefers-color-scheme", "value": value },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.browser.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// What an expression of JavaScript gives, awaited if it is a promise.
    pub fn value(&mut self, expression: &str) -> Value {
        self.evaluate(expression).unwrap_or_else(|error| panic!("{error}\nin {expression}"))
    }

    /// Runs a script as the page's own.
    pub fn run(&mut self, script: &str) {
        self.browser.call("Runtime.evaluate", json!({ "expression": script }));
    }

    fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let whole = format!("(async () => {{ {WORDS}\nreturn ({expression}); }})()");
        let asked = json!({ "expression": whole, "awaitPromise": true, "returnByValue": true });
        let answer = self.browser.ask("Runtime.evaluate", asked)?;
        assert_eq!(self.browser.exceptions(), &[] as &[String], "the page threw exceptions");
        match answer.get("exceptionDetails") {
            Some(details) => Err(details["exception"]["description"].to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Waits until an expression is true, looking at each frame of the screen; returns what it is then.
    pub fn wait(&mut self, expression: &str) -> Value {
        let until = format!(
            "await new Promise((resolve, reject) => {{
               const look = () => {{
                 try {{
                   const found = ({expression});
                   if (found) resolve(found === true || typeof found !== 'object' ? found : true);
                   else requestAnimationFrame(look);
                 }} catch (error) {{ reject(error); }}
               }};
               look();
             }})"
        );
        match self.evaluate(&until) {
            Ok(found) => found,
            Err(error) => {
                let shown = self.evaluate("document.body.innerText").unwrap_or_default();
                panic!("{error}\nwhile waiting for {expression}; the page says\n{shown}");
            }
        }
    }

    /// Presses what an expression finds, in its middle, as soon as it is there.
    pub fn click(&mut self, element: &str) {
        self.wait(element);
        let at = self.place(element);
        self.mouse("mouseMoved", at, 0);
        self.mouse("mousePressed", at, 1);
        self.mouse("mouseReleased", at, 1);
    }

    /// Moves the pointer to a point of an element, in parts of its width and height.
    pub fn point(&mut self, element: &str, right: f64, down: f64) {
        let corners = self.value(&format!(
            "(({{ left, top, width, height }}) => [left, top, width, height])(({element}).getBoundingClientRect())"
        ));
        let corner = |at: usize| corners[at].as_f64().unwrap();
        self.mouse("mouseMoved", (corner(0) + corner(2) * right, corner(1) + corner(3) * down), 0);
    }

    fn place(&mut self, element: &str) -> (f64, f64) {
        let place = self.value(&format!(
            "((node) => {{ node.scrollIntoView({{ block: 'nearest' }}); \
             const box = node.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})({element})"
        ));
        (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
    }

    fn mouse(&mut self, kind: &str, (x, y): (f64, f64), clicks: u32) {
        let event = json!({ "type": kind, "x": x, "y": y, "button": if clicks > 0 { "left" } else { "none" }, "clickCount": clicks });
        self.browser.call("Input.dispatchMouseEvent", event);
    }

    /// Presses a key and lets it go: `a`, `Enter`, `Shift+Tab`.
    pub fn key(&mut self, name: &str) {
        let (modifiers, key) = match name.strip_prefix("Shift+") {
            Some(key) => (8, key),
            None => (0, name),
        };
        let code = KEY_CODES.iter().find(|(known, _)| *known == key).map_or(0, |(_, code)| *code);
        let text = match key {
            "Enter" => "\r",
            _ if key.chars().count() == 1 => key,
            _ => "",
        };
        let event = |kind: &str| json!({ "type": kind, "key": key, "modifiers": modifiers, "windowsVirtualKeyCode": code });
        let mut down = event(if text.is_empty() { "rawKeyDown" } else { "keyDown" });
        if !text.is_empty() {
            down["text"] = text.into();
        }
        self.browser.call("Input.dispatchKeyEvent", down);
        self.browser.call("Input.dispatchKeyEvent", event("keyUp"));
    }

    /// Presses one key after another, each of one letter.
    pub fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            self.key(&letter.to_string());
        }
    }

    /// Presses Tab until what an expression finds has the focus. What has it on the way is marked for the eye.
    pub fn tab_to(&mut self, element: &str) {
        self.wait(element);
        for _ in 0..TABS_MAX {
            self.key("Tab");
            // Behind the last stop the document itself has the focus, and the browser's own controls would follow.
            let marked = "document.activeElement === document.body || marked()";
            let focus = self.value(&format!("[document.activeElement === ({element}), {marked}]"));
            assert_eq!(focus[1], true, "no mark of the focus on {}", self.value("focused()"));
            if focus[0] == true {
                return;
            }
        }
        panic!("{TABS_MAX} times Tab do not lead to {element}, but to {}", self.value("focused()"));
    }

    /// Asserts that what an expression finds has the focus, and a mark for the eye.
    pub fn has_focus(&mut self, element: &str) {
        let focus = self.value(&format!("[document.activeElement === ({element}), marked()]"));
        assert_eq!(
            focus,
            json!([true, true]),
            "{element} and a mark; the focus is on {}",
            self.value("focused()")
        );
    }

    /// The pixels of a canvas that an expression finds.
    pub fn canvas(&mut self, canvas: &str) -> Pixels {
        let pixels = self.value(&format!(
            "((canvas) => {{ const {{ width, height }} = canvas; \
             const {{ data }} = canvas.getContext('2d').getImageData(0, 0, width, height); \
             return {{ width, height, data: base64(data) }}; }})({canvas})"
        ));
        let size = |name: &str| pixels[name].as_u64().unwrap() as u32;
        let rgba = BASE64.decode(pixels["data"].as_str().unwrap().as_bytes()).unwrap();
        Pixels { width: size("width"), height: size("height"), rgba }
    }

    /// Processor time of the page's main thread so far, in milliseconds.
    pub fn busy_ms(&mut self) -> f64 {
        let metrics = self.browser.call("Performance.getMetrics", json!({}));
        let mut metrics = metrics["metrics"].as_array().unwrap().iter();
        let busy = metrics.find(|metric| metric["name"] == "ThreadTime").expect("Chromium tells it");
        busy["value"].as_f64().unwrap() * 1000.0
    }

    /// What the screen shows of the window, as a PNG file.
    pub fn screenshot(&mut self) -> Vec<u8> {
        self.capture(json!({ "format": "png" }))
    }

    /// The same as a smaller file, not to the last bit.
    pub fn webp(&mut self) -> Vec<u8> {
        self.capture(json!({ "format": "webp", "quality": 82 }))
    }

    fn capture(&mut self, format: Value) -> Vec<u8> {
        let shot = self.browser.call("Page.captureScreenshot", format);
        BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap()
    }
}

impl Pixels {
    /// Of a PNG file of eight bits a channel.
    pub fn of_png(png: &[u8]) -> Pixels {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        bytes.truncate(info.buffer_size());
        let rgba = match info.color_type {
            png::ColorType::Rgba => bytes,
            png::ColorType::Rgb => {
                bytes.chunks(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect()
            }
            other => panic!("a picture of {other:?}"),
        };
        Pixels { width: info.width, height: info.height, rgba }
    }

    /// As the page's `base64` writes them.
    pub fn base64(&self) -> String {
        BASE64.encode(&self.rgba)
    }

    /// A rectangle of it, whose corner is at `left`, `top`.
    pub fn part(&self, left: u32, top: u32, width: u32, height: u32) -> Pixels {
        assert!(left + width <= self.width && top + height <= self.height, "the rectangle lies outside");
        let row = |y: u32| {
            let start = ((top + y) * self.width + left) as usize * 4;
            &self.rgba[start..start + width as usize * 4]
        };
        Pixels { width, height, rgba: (0..height).flat_map(row).copied().collect() }
    }
}
