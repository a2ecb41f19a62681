// src/worker/protocol.proto as a descriptor; made by the build.
declare module "hull:protocol" {
  const descriptor: import("protobufjs").INamespace;
  export default descriptor;
}
