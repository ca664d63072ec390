"use strict";
// Grey pictures of 8 or 16 bits, or coloured ones of 8, on canvases. The levels are numbers all the way, never an image file, so that neither
// depth nor a gamma chunk is lost on the way; those side by side share window, zoom and place.

class View {
  constructor(most) {
    this.most = most;
    this.smooth = true;
    this.reset();
  }

  reset() {
    Object.assign(this, { centre: this.most / 2, width: this.most, zoom: 1, x: 0, y: 0, inverted: false });
  }

  // Greys on the screen of all levels, as pixels of a canvas.
  table() {
    const table = new Uint32Array(this.most + 1);
    const low = this.centre - this.width / 2;
    for (let level = 0; level <= this.most; level += 1) {
      const share = Math.min(1, Math.max(0, (level - low) / this.width));
      const grey = Math.round(255 * (this.inverted ? 1 - share : share));
      table[level] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
    }
    return table;
  }

  window(wider, higher) {
    this.width = Math.min(2 * this.most, Math.max(1, this.width + wider * this.most));
    this.centre = Math.min(this.most, Math.max(0, this.centre + higher * this.most));
  }

  enlarge(factor) {
    const zoom = Math.min(16, Math.max(0.5, this.zoom * factor));
    this.x *= zoom / this.zoom;
    this.y *= zoom / this.zoom;
    this.zoom = zoom;
  }
}

class Viewer {
  constructor(canvas, side, view) {
    Object.assign(this, { canvas, side, view, marks: [], cross: null, levels: null });
    this.picture = document.createElement("canvas");
  }

  // Pixels of the screen per pixel of the image: a whole number of them at first, the same for every image.
  scale() {
    const room = Math.min(this.canvas.width, this.canvas.height);
    const whole = room >= this.side ? Math.floor(room / this.side) : 1 / Math.ceil(this.side / Math.max(1, room));
    return whole * this.view.zoom;
  }

  corner() {
    const scale = this.scale();
    return [
      Math.round((this.canvas.width - scale * this.side) / 2 + this.view.x),
      Math.round((this.canvas.height - scale * this.side) / 2 + this.view.y),
    ];
  }

  // One pixel of the canvas for each of the image.
  paint(canvas) {
    const table = this.view.table();
    const pixels = new ImageData(this.side, this.side);
    const words = new Uint32Array(pixels.data.buffer);
    const [red, green, blue] = this.levels.length === words.length ? [0, 0, 0] : [0, 1, 2];
    const step = this.levels.length / words.length;
    for (let index = 0, at = 0; index < words.length; index += 1, at += step) {
      words[index] = (0xff000000 | (table[this.levels[at + blue]] & 0xff0000) | (table[this.levels[at + green]] & 0xff00) | (table[this.levels[at + red]] & 0xff)) >>> 0;
    }
    canvas.width = canvas.height = this.side;
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    const size = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
    if (!this.levels) return;
    this.paint(this.picture);
    const pen = this.canvas.getContext("2d");
    const scale = this.scale();
    const [left, top] = this.corner();
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, ...size);
    pen.imageSmoothingEnabled = this.view.smooth;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.picture, left, top, scale * this.side, scale * this.side);
    pen.lineWidth = 2 * ratio;
    pen.font = 14 * ratio + "px sans-serif";
    for (const mark of this.marks) this.ring(pen, left + scale * (mark.x + 0.5), top + scale * (mark.y + 0.5), 10 * ratio, mark.name);
    if (this.cross) {
      const [x, y] = [left + scale * (this.cross.x + 0.5), top + scale * (this.cross.y + 0.5)];
      pen.strokeStyle = "#ffb52e";
      pen.beginPath();
      pen.moveTo(x - 16 * ratio, y); pen.lineTo(x + 16 * ratio, y);
      pen.moveTo(x, y - 16 * ratio); pen.lineTo(x, y + 16 * ratio);
      pen.stroke();
    }
  }

  ring(pen, x, y, radius, name) {
    for (const [colour, wider] of [["#000", 2], ["#ffb52e", 0]]) {
      pen.strokeStyle = colour;
      pen.beginPath();
      pen.arc(x, y, radius + wider, 0, 2 * Math.PI);
      pen.stroke();
    }
    const place = [name, x + 1.4 * radius, y + 0.5 * radius];
    pen.strokeStyle = "#000";
    pen.strokeText(...place);
    pen.fillStyle = "#ffb52e";
    pen.fillText(...place);
  }

  // The pixel of the image under a point of the page, null outside.
  pixel(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    const [left, top] = this.corner();
    const x = Math.floor(((clientX - box.left) * ratio - left) / this.scale());
    const y = Math.floor(((clientY - box.top) * ratio - top) / this.scale());
    return x >= 0 && y >= 0 && x < this.side && y < this.side ? { x, y } : null;
  }

  // Drag: window and level; right button, middle button or Shift: move; two fingers: move and zoom; a click: `clicked`.
  listen(changed, clicked) {
    const down = new Map();
    let moved = 0;
    const spread = () => {
      const [a, b] = [...down.values()];
      return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, size: Math.hypot(a.x - b.x, a.y - b.y) };
    };
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (down.size === 1) moved = 0;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const before = down.get(event.pointerId);
      if (!before || down.size > 2) return;
      const ratio = window.devicePixelRatio || 1;
      const pair = down.size === 2 ? spread() : null;
      const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      moved += Math.abs(dx) + Math.abs(dy);
      if (pair) {
        const now = spread();
        this.view.x += (now.x - pair.x) * ratio;
        this.view.y += (now.y - pair.y) * ratio;
        this.view.enlarge(now.size / Math.max(1, pair.size));
      } else if (event.buttons & 6 || event.shiftKey) {
        this.view.x += dx * ratio;
        this.view.y += dy * ratio;
      } else if (moved > 4) {
        this.view.window(dx / 400, -dy / 400);
      }
      changed();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, (event) => {
        const alone = down.delete(event.pointerId) && down.size === 0;
        const place = end === "pointerup" && alone && moved <= 4 && event.button === 0 && this.pixel(event.clientX, event.clientY);
        if (place) clicked(this, place);
      });
    }
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.view.enlarge(event.deltaY < 0 ? 1.2 : 1 / 1.2);
      changed();
    }, { passive: false });
  }
}
