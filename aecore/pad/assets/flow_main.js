// @ts-check
export { activationsOf, createFlow, decodeBy, encodeBy, silence, codeOfFlow, halfOf, squaredError } from "./flow_engine.js";
export { lookedFor } from "./flow_gradient.js";
