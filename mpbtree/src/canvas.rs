//! Pictures of rectangles and lines of text, as SVG or PNG.

use crate::error::{code, Failure, Result};
use font8x8::UnicodeFonts;
use std::fmt::Write;

/// Pixels of a character, across and down.
pub const CHAR: (u32, u32) = (8, 8);

/// Red, green, blue.
pub type Color = [u8; 3];

/// Something to draw on; it grows downwards.
pub trait Canvas {
    fn rect(&mut self, x: u32, y: u32, width: u32, height: u32, color: Color);
    /// A line of text with its left upper corner at a place.
    fn text(&mut self, x: u32, y: u32, text: &str);
    /// What the rectangles drawn next show, for those who point at them.
    fn begin(&mut self, _title: &str) {}
    fn end(&mut self) {}
    /// The bytes of the file.
    fn finish(&mut self) -> Result<Vec<u8>>;
}

pub struct Svg {
    width: u32,
    height: u32,
    body: String,
}

impl Svg {
    pub fn new(width: u32) -> Self {
        Svg { width, height: 0, body: String::new() }
    }

    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = self.body.write_fmt(line);
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace(|c: char| c.is_control(), "\u{fffd}")
}

impl Canvas for Svg {
    fn rect(&mut self, x: u32, y: u32, width: u32, height: u32, [r, g, b]: Color) {
        self.height = self.height.max(y + height);
        self.add(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"#{r:02x}{g:02x}{b:02x}\"/>\n"
        ));
    }

    fn text(&mut self, x: u32, y: u32, text: &str) {
        self.height = self.height.max(y + CHAR.1);
        let (base, text) = (y + CHAR.1, escaped(text));
        self.add(format_args!("<text x=\"{x}\" y=\"{base}\">{text}</text>\n"));
    }

    fn begin(&mut self, title: &str) {
        let title = escaped(title);
        self.add(format_args!("<g><title>{title}</title>\n"));
    }

    fn end(&mut self) {
        self.body.push_str("</g>\n");
    }

    fn finish(&mut self) -> Result<Vec<u8>> {
        let (width, height, body) = (self.width, self.height + 10, &self.body);
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"12\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
        )
        .into_bytes())
    }
}

pub struct Png {
    width: u32,
    pixels: Vec<u8>,
}

impl Png {
    pub fn new(width: u32) -> Self {
        Png { width, pixels: Vec::new() }
    }
}

impl Canvas for Png {
    fn rect(&mut self, x: u32, y: u32, width: u32, height: u32, color: Color) {
        let row = self.width as usize * 3;
        let end = (y + height) as usize * row;
        if self.pixels.len() < end {
            self.pixels.resize(end, 255);
        }
        let (from, to) = (x.min(self.width) as usize * 3, (x + width).min(self.width) as usize * 3);
        for line in self.pixels[y as usize * row..end].chunks_exact_mut(row) {
            for pixel in line[from..to].chunks_exact_mut(3) {
                pixel.copy_from_slice(&color);
            }
        }
    }

    fn text(&mut self, x: u32, y: u32, text: &str) {
        for (i, c) in text.chars().enumerate() {
            let glyph = font8x8::BASIC_FONTS.get(c).or_else(|| font8x8::LATIN_FONTS.get(c));
            let glyph = glyph.or_else(|| font8x8::BASIC_FONTS.get('?')).unwrap_or_default();
            for (dy, bits) in (0..).zip(glyph) {
                for dx in (0..8).filter(|dx| bits & (1 << dx) != 0) {
                    self.rect(x + i as u32 * CHAR.0 + dx, y + dy, 1, 1, [0; 3]);
                }
            }
        }
    }

    fn finish(&mut self) -> Result<Vec<u8>> {
        let height = (self.pixels.len() / 3 / self.width.max(1) as usize) as u32 + 10;
        self.pixels.resize((self.width * height) as usize * 3, 255);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&self.pixels))
            .map_err(|e| Failure::new(code::SYSTEM, e))?;
        Ok(bytes)
    }
}
