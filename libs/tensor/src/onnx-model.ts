// Writes a graph as an ONNX model (protobuf; field numbers from the ONNX specification, onnx.proto3).
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { type Attribute, type DType, type Graph, type Node, type TensorData, type Value } from './graph.ts';

/** ONNX's numbers of element types. */
export const ELEMENT_TYPE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};
const IR_VERSION = 10;
const OPSET = { '': 20, 'com.microsoft': 1 };
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 };

/** TensorProto.DataLocation. */
const EXTERNAL = 1;

const tag = (field: number, wireType: 0 | 2 | 5): number => (field << 3) | wireType;

function message(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  writer.uint32(tag(field, 2)).fork();
  write(writer);
  writer.join();
}

const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.uint32(tag(field, 2)).string(value);
const integer = (writer: BinaryWriter, field: number, value: number): BinaryWriter =>
  writer.uint32(tag(field, 0)).int64(value);

function writeTensor(writer: BinaryWriter, name: string, value: Value, data: TensorData): void {
  for (const dimension of value.shape) integer(writer, 1, dimension);
  integer(writer, 2, ELEMENT_TYPE[value.dtype]);
  text(writer, 8, name);
  writer.uint32(tag(9, 2)).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** A tensor whose numbers lie elsewhere. */
function writeExternalTensor(writer: BinaryWriter, name: string, value: Value, location: string): void {
  for (const dimension of value.shape) integer(writer, 1, dimension);
  integer(writer, 2, ELEMENT_TYPE[value.dtype]);
  text(writer, 8, name);
  message(writer, 13, (entry) => void text(text(entry, 1, 'location'), 2, location));
  integer(writer, 14, EXTERNAL);
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute): void {
  text(writer, 1, name);
  if ('float' in attribute) writer.uint32(tag(2, 5)).float(attribute.float);
  if ('int' in attribute) integer(writer, 3, attribute.int);
  if ('string' in attribute) text(writer, 4, attribute.string);
  if ('ints' in attribute) for (const value of attribute.ints) integer(writer, 8, value);
  const kind =
    'float' in attribute ? 'float' : 'int' in attribute ? 'int' : 'string' in attribute ? 'string' : 'ints';
  integer(writer, 20, ATTRIBUTE_TYPE[kind]);
}

function writeNode(writer: BinaryWriter, node: Node, nameOf: (value: Value) => string): void {
  for (const value of node.inputs) text(writer, 1, value ? nameOf(value) : '');
  for (const value of node.outputs) text(writer, 2, nameOf(value));
  text(writer, 4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message(writer, 5, (inner) => writeAttribute(inner, name, attribute));
  }
  if (node.domain) text(writer, 7, node.domain);
}

function writeValueInfo(writer: BinaryWriter, name: string, value: Value): void {
  text(writer, 1, name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      integer(tensor, 1, ELEMENT_TYPE[value.dtype]);
      message(tensor, 2, (shape) => {
        for (const dimension of value.shape) message(shape, 1, (inner) => integer(inner, 1, dimension));
      });
    }),
  );
}

/** Inputs that are weights of the model rather than fed; their numbers are handed over beside it. */
export interface ResidentInputs {
  readonly names: ReadonlySet<string>;
  /** The file that they are said to lie in. */
  readonly location: string;
}

/**
 * The bytes of an ONNX model that computes the graph's outputs from its inputs.
 * An output that is itself an input or a constant is passed through an Identity, since ONNX gives every name one producer.
 */
export function encodeOnnx(graph: Graph, resident?: ResidentInputs): Uint8Array<ArrayBuffer> {
  const names = new Map<Value, string>();
  for (const [name, value] of graph.inputs) names.set(value, name);
  const passed: { name: string; value: Value }[] = [];
  for (const [name, value] of graph.outputs) {
    if (names.has(value) || graph.constants.has(value)) passed.push({ name, value });
    else names.set(value, name);
  }
  const nameOf = (value: Value): string => names.get(value) ?? `v${value.id}`;
  const nodes = graph.liveNodes();
  const used = new Set(nodes.flatMap((node) => node.inputs));
  for (const { value } of passed) used.add(value);

  const writer = new BinaryWriter();
  integer(writer, 1, IR_VERSION);
  text(writer, 2, 'overtone');
  message(writer, 7, (inner) => {
    for (const node of nodes) message(inner, 1, (nodeWriter) => writeNode(nodeWriter, node, nameOf));
    for (const { name, value } of passed) {
      message(inner, 1, (nodeWriter) => {
        text(text(text(nodeWriter, 1, nameOf(value)), 2, name), 4, 'Identity');
      });
    }
    text(inner, 2, 'traced');
    for (const [value, data] of graph.constants) {
      if (used.has(value)) message(inner, 5, (tensor) => writeTensor(tensor, nameOf(value), value, data));
    }
    for (const [name, value] of graph.inputs) {
      const isResident = resident?.names.has(name) === true;
      if (isResident && !used.has(value)) continue;
      if (isResident)
        message(inner, 5, (tensor) => writeExternalTensor(tensor, name, value, resident.location));
      else message(inner, 11, (info) => writeValueInfo(info, name, value));
    }
    for (const [name, value] of graph.outputs)
      message(inner, 12, (info) => writeValueInfo(info, name, value));
  });
  for (const [domain, version] of Object.entries(OPSET)) {
    message(writer, 8, (opset) => {
      if (domain) text(opset, 1, domain);
      integer(opset, 2, version);
    });
  }
  return writer.finish();
}
