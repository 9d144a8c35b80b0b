#!/usr/bin/env bash
# ImageMagick 7.1.2 turned SSIM and NCC round: equal pictures had 1 up to 7.1.1, and have 0 now. PSNR went the other way.
#
# Guess before the run: SSIM and NCC of equal pictures are 1 in every version, DSSIM is 0, and PSNR is in dB.
# Seen with @imagemagick/magick-wasm (npm) 0.0.35, which is ImageMagick 7.1.1-48, and 0.0.36 and 0.0.43 (7.1.2-3 and 7.1.2-30,
# which agree), on Node.js 20.20.2: a picture compared with itself, with itself under noise of sigma 25, and with its negative.
#             7.1.1                   7.1.2
#   SSIM      1      0.28    0.06     0      0.36    0.47
#   DSSIM     0      0.36    0.47     0      0.36    0.47
#   NCC       1      0.82   -1        0      0.04    1
#   PSNR      0      0.009   0.21     1      0.17    0.06
# - SSIM is what DSSIM is, under its old name: a gate "SSIM at least 0.3" now fails the equal picture and passes the noise and
#   the negative. By NCC nothing but the negative passes "at least 0.9".
# - The PSNR of 7.1.1 is the mean square error. That of 7.1.2 is no dB either, but a part of 1, so "at least 30" never holds.
# - Names, types and the range (0 to 1) are as before: neither an error nor a warning tells them apart.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > compare.mjs <<'JS'
import fs from 'fs';

const packageFolder = `${process.cwd()}/${process.argv[2]}/node_modules/@imagemagick/magick-wasm/dist`;
const { ErrorMetric, initializeImageMagick, Magick, MagickImage, MagickReadSettings, MagickFormat } = await import(`${packageFolder}/index.js`);
const place = ['magick.wasm', 'x86/magick.wasm'].map((name) => `${packageFolder}/${name}`).find((name) => fs.existsSync(name));
await initializeImageMagick(fs.readFileSync(place));

const SIZE = 128;
let state = 1;
const uniform = () => ((state = (state * 48271) % 2147483647) / 2147483647);
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
const wave = (x, y) => [128 + 100 * Math.sin(y / 7), 128 + 100 * Math.cos(x / 9), 90 + (x + y) / 3];
const picture = (change) => {
    const header = Buffer.from(`P6 ${SIZE} ${SIZE} 255\n`);
    const codes = Uint8ClampedArray.from({ length: SIZE * SIZE * 3 }, (_, place) => {
        const pixel = Math.floor(place / 3);
        return change(wave(pixel % SIZE, Math.floor(pixel / SIZE))[place % 3]);
    });
    return MagickImage.create(Buffer.concat([header, new Uint8Array(codes.buffer)]), new MagickReadSettings({ format: MagickFormat.Ppm }));
};
const fine = picture((code) => code);
const others = [fine, picture((code) => code + 25 * normal()), picture((code) => 255 - code)];
const names = ['StructuralSimilarity', 'StructuralDissimilarity', 'NormalizedCrossCorrelation', 'PeakSignalToNoiseRatio', 'MeanSquared'];
console.log(Magick.imageMagickVersion.split(' ')[1]);
for (const name of names)
    console.log(name, ...others.map((other) => fine.compare(other, ErrorMetric[name]).toFixed(4)));
JS
for version in 0.0.35 0.0.36 0.0.43; do
    npm install --silent --no-audit --no-fund --no-update-notifier --prefix "$version" "@imagemagick/magick-wasm@$version" >/dev/null
    node compare.mjs "$version"
done | tee outcomes
diff outcomes - <<'EXPECTED'
7.1.1-48
StructuralSimilarity 1.0000 0.2799 0.0629
StructuralDissimilarity 0.0000 0.3600 0.4686
NormalizedCrossCorrelation 1.0000 0.8195 -1.0000
PeakSignalToNoiseRatio 0.0000 0.0092 0.2144
MeanSquared 0.0000 0.0092 0.2144
7.1.2-3
StructuralSimilarity 0.0000 0.3600 0.4686
StructuralDissimilarity 0.0000 0.3600 0.4686
NormalizedCrossCorrelation 0.0000 0.0394 1.0000
PeakSignalToNoiseRatio 1.0000 0.1695 0.0557
MeanSquared 0.0000 0.0092 0.2144
7.1.2-30
StructuralSimilarity 0.0000 0.3600 0.4686
StructuralDissimilarity 0.0000 0.3600 0.4686
NormalizedCrossCorrelation 0.0000 0.0394 1.0000
PeakSignalToNoiseRatio 1.0000 0.1695 0.0557
MeanSquared 0.0000 0.0092 0.2144
EXPECTED
