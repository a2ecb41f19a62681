// A file system of a few megabytes that can be filled up. Needs the right to mount.
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class SmallDisk {
  /** Mounts a tmpfs; throws if that is not allowed. */
  constructor(megabytes) {
    this.path = mkdtempSync(join(tmpdir(), "hull-disk-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", this.path], { stdio: "pipe" });
    } catch (error) {
      rmdirSync(this.path);
      throw new Error(`cannot mount a file system: ${(error.stderr ?? error.message).toString().trim()}`, { cause: error });
    }
    this.ballast = join(this.path, "ballast");
  }

  /** Writes a file until not a byte is left. */
  fill() {
    const file = openSync(this.ballast, "a");
    try {
      for (let block = Buffer.alloc(65536, 1); block.length > 0; ) {
        try {
          writeSync(file, block);
        } catch (error) {
          if (error.code !== "ENOSPC") throw error;
          block = block.subarray(0, block.length >> 1);
        }
      }
    } finally {
      closeSync(file);
    }
  }

  empty() {
    rmSync(this.ballast, { force: true });
  }

  unmount() {
    execFileSync("umount", [this.path], { stdio: "pipe" });
    rmdirSync(this.path);
  }
}

/** Why there can be no small disk here; null if there can. */
export function whyNoSmallDisk() {
  try {
    new SmallDisk(1).unmount();
    return null;
  } catch (error) {
    return error.message;
  }
}
