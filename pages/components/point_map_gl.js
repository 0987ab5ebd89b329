// @ts-check
// Points drawn by the graphics card: one buffer, both layouts in it, and the way between them is
// one number.

import { STATES, UNIT } from "./point_map_cloud.js";
import { colorsOf, OPACITY } from "./point_map_raster.js";

/** @import { Cloud, Renderer, Scene } from "./point_map_types.js" */

const BYTES = 12; // of a point: two layouts of two int16, class and state of uint16
const TEXELS = 1024; // classes that the table of colours holds

const AT_POINT = `#version 300 es
in vec2 pca;
in vec2 model;
in vec2 look; // class, state
uniform float t;
uniform vec4 view; // scale, shift
uniform float diameter;
uniform float wanted;
uniform sampler2D colors;
out vec3 color;
void main() {
  vec2 place = mix(pca, model, t) * view.xy + view.zw;
  gl_Position = look.y == wanted ? vec4(place, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = diameter + 1.0;
  color = texelFetch(colors, ivec2(int(look.x), 0), 0).rgb;
}`;
const AT_PIXEL = `#version 300 es
precision highp float; // as at the points: they share a number
in vec3 color;
uniform float diameter;
uniform float opacity;
out vec4 pixel;
void main() {
  float away = length(gl_PointCoord - 0.5) * (diameter + 1.0);
  float cover = clamp(0.5 * diameter + 0.5 - away, 0.0, 1.0) * opacity;
  pixel = vec4(color * cover, cover);
}`;

/**
 * A renderer, or null where the browser has no graphics card, or none quick enough.
 * @param {HTMLCanvasElement} canvas
 * @param {boolean} evenSlow whether one that computes on the processor is taken too
 * @param {() => void} lost what to do when the card is taken away
 * @returns {Renderer | null}
 */
export function createGl(canvas, evenSlow, lost) {
  const gl = canvas.getContext("webgl2", {
    alpha: false,
    antialias: false,
    depth: false,
    failIfMajorPerformanceCaveat: !evenSlow,
  });
  const program = gl && (evenSlow || !isComputed(gl)) && build(gl);
  if (!gl || !program) return null;
  canvas.addEventListener("webglcontextlost", lost);
  const buffer = gl.createBuffer();
  const texture = gl.createTexture();
  /** @param {string} name */
  const uniform = (name) => gl.getUniformLocation(program, name);
  const places = Object.fromEntries(
    ["t", "view", "diameter", "wanted", "opacity"].map((name) => [name, uniform(name)]),
  );
  let packed = new Uint16Array();
  let ratio = 1;
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  /** @type {Renderer} */
  const renderer = {
    name: "gl",
    canvas,
    context: null,
    cost: 0,
    resize(width, height, devicePixels) {
      ratio = devicePixels;
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
      gl.viewport(0, 0, canvas.width, canvas.height);
    },
    load(cloud) {
      packed = interleaved(cloud);
      describe(gl, program, buffer);
    },
    mark({ n, states }) {
      for (let slot = 0; slot < n; slot++) packed[(slot * BYTES) / 2 + 5] = states[slot];
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, packed, gl.STATIC_DRAW);
    },
    draw(scene) {
      const start = performance.now();
      const { cloud, paper, projection, t } = scene;
      const [red, green, blue] = paper.map((value) => value / 255);
      gl.clearColor(red, green, blue, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform1f(places.t, t);
      gl.uniform1f(places.diameter, scene.diameter * ratio);
      gl.uniform1f(places.opacity, OPACITY);
      gl.uniform4f(places.view, ...inClipSpace(projection, canvas, ratio));
      const pass = (/** @type {number} */ state) => {
        fillColors(gl, texture, cloud, paper, state === STATES.faint);
        gl.uniform1f(places.wanted, state);
        gl.drawArrays(gl.POINTS, 0, cloud.n);
      };
      if (cloud.caught) pass(STATES.faint);
      pass(cloud.caught ? STATES.caught : STATES.plain);
      // A card's own time cannot be seen: the first drawing waits for it, once.
      if (!renderer.cost) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
      renderer.cost ||= performance.now() - start;
    },
    destroy() {
      canvas.removeEventListener("webglcontextlost", lost);
      gl.getExtension("WEBGL_lose_context")?.loseContext();
    },
  };
  return renderer;
}

/**
 * Scale and shift to where a card has its edges, at -1 and 1.
 * @param {Scene["projection"]} projection
 * @param {HTMLCanvasElement} canvas
 * @param {number} ratio
 * @returns {[number, number, number, number]}
 */
function inClipSpace({ across, up, left, top }, { width, height }, ratio) {
  const [wide, high] = [(2 * ratio) / width, (-2 * ratio) / height];
  return [(across * wide) / UNIT, (up * high) / UNIT, left * wide - 1, top * high + 1];
}

/**
 * Whether the processor plays the graphics card, which browsers do not always own up to.
 * @param {WebGL2RenderingContext} gl
 */
function isComputed(gl) {
  const about = gl.getExtension("WEBGL_debug_renderer_info");
  const name = about ? String(gl.getParameter(about.UNMASKED_RENDERER_WEBGL)) : "";
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

/** @param {WebGL2RenderingContext} gl */
function build(gl) {
  const program = gl.createProgram();
  for (const [kind, text] of /** @type {[number, string][]} */ ([
    [gl.VERTEX_SHADER, AT_POINT],
    [gl.FRAGMENT_SHADER, AT_PIXEL],
  ])) {
    const shader = gl.createShader(kind);
    if (!shader) return null;
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}

/** @param {Cloud} cloud */
function interleaved({ n, pca, model, classes, states }) {
  const packed = new Uint16Array((n * BYTES) / 2);
  const signed = new Int16Array(packed.buffer);
  for (let slot = 0, at = 0; slot < n; slot++, at += 6) {
    signed[at] = pca[2 * slot];
    signed[at + 1] = pca[2 * slot + 1];
    signed[at + 2] = model[2 * slot];
    signed[at + 3] = model[2 * slot + 1];
    packed[at + 4] = classes[slot] % TEXELS;
    packed[at + 5] = states[slot];
  }
  return packed;
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {WebGLProgram} program
 * @param {WebGLBuffer | null} buffer
 */
function describe(gl, program, buffer) {
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  for (const [name, kind, offset] of /** @type {[string, number, number][]} */ ([
    ["pca", gl.SHORT, 0],
    ["model", gl.SHORT, 4],
    ["look", gl.UNSIGNED_SHORT, 8],
  ])) {
    const place = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 2, kind, false, BYTES, offset);
  }
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {WebGLTexture | null} texture
 * @param {Cloud} cloud
 * @param {number[]} paper
 * @param {boolean} faint
 */
function fillColors(gl, texture, cloud, paper, faint) {
  const texels = new Uint8Array(4 * TEXELS).fill(255);
  for (const [i, color] of colorsOf(cloud, paper, faint).slice(0, TEXELS).entries()) {
    texels.set(color, 4 * i);
  }
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, TEXELS, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
}
