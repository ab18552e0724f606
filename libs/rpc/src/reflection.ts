// Reflection: a running server tells tools such as grpcurl what it serves, from the descriptors generated beside the stubs.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Server } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { protoPath } from 'grpc-health-check';

/** Adds grpc.reflection.v1 and v1alpha for Overtone's services and for grpc.health.v1. */
export function addReflection(server: Server): void {
  const descriptors = createRequire(import.meta.url).resolve('@overtone/contracts/descriptors');
  const own = loadFileDescriptorSetFromBuffer(readFileSync(descriptors));
  new ReflectionService({ ...own, ...loadSync(protoPath) }).addToServer(server);
}
