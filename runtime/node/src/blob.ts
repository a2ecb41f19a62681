export { Blob } from "node:buffer";
