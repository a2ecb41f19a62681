// TextEncoderStream and TextDecoderStream over the text codecs.

import { TransformStream } from "./streams.ts";
import { TextDecoder, TextEncoder } from "./text_codec.ts";
import { defineInterface, toText } from "./web_idl.ts";

export class TextEncoderStream {
  readonly #transform: any;
  constructor() {
    const encoder = new TextEncoder();
    let high = "";
    this.#transform = new TransformStream({
      transform(chunk: unknown, controller: any) {
        let text = high + toText(chunk);
        high = "";
        const last = text.charCodeAt(text.length - 1);
        if ((last & 0xfc00) === 0xd800) {
          high = text.slice(-1);
          text = text.slice(0, -1);
        }
        if (text) controller.enqueue(encoder.encode(text));
      },
      flush(controller: any) {
        if (high) controller.enqueue(encoder.encode(high));
      },
    });
  }
  get encoding(): string {
    return "utf-8";
  }
  get readable(): unknown {
    return this.#transform.readable;
  }
  get writable(): unknown {
    return this.#transform.writable;
  }
}

export class TextDecoderStream {
  readonly #transform: any;
  readonly #decoder: TextDecoder;
  constructor(label: unknown = "utf-8", options?: unknown) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    this.#transform = new TransformStream({
      transform(chunk: unknown, controller: any) {
        const text = decoder.decode(chunk, { stream: true });
        if (text) controller.enqueue(text);
      },
      flush(controller: any) {
        const text = decoder.decode();
        if (text) controller.enqueue(text);
      },
    });
  }
  get encoding(): string {
    return this.#decoder.encoding;
  }
  get fatal(): boolean {
    return this.#decoder.fatal;
  }
  get ignoreBOM(): boolean {
    return this.#decoder.ignoreBOM;
  }
  get readable(): unknown {
    return this.#transform.readable;
  }
  get writable(): unknown {
    return this.#transform.writable;
  }
}

defineInterface(TextEncoderStream, "TextEncoderStream");
defineInterface(TextDecoderStream, "TextDecoderStream", 0);
