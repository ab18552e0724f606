// A message as a tree of fields with their bytes, by the contracts' own descriptors: so that any field of any message can be replaced by
// what no encoder would write.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  fromBinary,
  type FileRegistry,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A field's bytes as they go over the wire, without the tag; with their length only in the encoding itself. */
export interface Payload {
  readonly wire: WireType;
  readonly bytes: Uint8Array;
}

/** One occurrence of a field. */
export interface Entry {
  readonly field: DescField;
  readonly value: Payload | Tree;
}

/** A message. */
export interface Tree {
  readonly message: DescMessage;
  readonly entries: Entry[];
}

const registry: FileRegistry = createFileRegistry(
  fromBinary(
    FileDescriptorSetSchema,
    readFileSync(createRequire(import.meta.url).resolve('@overtone/contracts/descriptors')),
  ),
);

/** The descriptor of a message of the contracts, for example "GenerateRequest". */
export function messageNamed(name: string): DescMessage {
  const message = registry.getMessage(`overtone.v1.${name}`);
  if (message === undefined) throw new Error(`the contracts have no message ${name}`);
  return message;
}

export function isTree(value: Payload | Tree): value is Tree {
  return 'entries' in value;
}

/** The message within a field; undefined for scalars, enums and maps. */
export function messageOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message')
    ? field.message
    : undefined;
}

/** Reads a valid message. */
export function readTree(bytes: Uint8Array, message: DescMessage): Tree {
  const reader = new BinaryReader(bytes);
  const fields = new Map(message.fields.map((field) => [field.number, field]));
  const entries: Entry[] = [];
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields.get(number);
    if (field === undefined) throw new Error(`${message.typeName} has no field ${number}`);
    const inner = messageOf(field);
    if (wire === WireType.LengthDelimited) {
      const content = reader.bytes();
      entries.push({ field, value: inner ? readTree(content, inner) : { wire, bytes: content } });
    } else {
      const start = reader.pos;
      reader.skip(wire);
      entries.push({ field, value: { wire, bytes: bytes.subarray(start, reader.pos) } });
    }
  }
  return { message, entries };
}

/** The tree as bytes. */
export function writeTree({ entries }: Tree): Uint8Array {
  const writer = new BinaryWriter();
  for (const { field, value } of entries) {
    if (isTree(value)) {
      writer.tag(field.number, WireType.LengthDelimited).bytes(writeTree(value));
    } else if (value.wire === WireType.LengthDelimited) {
      writer.tag(field.number, value.wire).bytes(value.bytes);
    } else {
      writer.tag(field.number, value.wire).raw(value.bytes);
    }
  }
  return writer.finish();
}
