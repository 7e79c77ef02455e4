/** The API's models under short names, all from the generated schema. */
import type { components } from './schema';

type Schemas = components['schemas'];
export type Me = Schemas['Me'];
/** What is left out stays as it is; the generated type asks for all of it. */
export type MeUpdate = Schemas['MeUpdate'];
export type MyGroup = Schemas['MyGroup'];
export type Notebook = Schemas['Notebook'];
export type Decision = Schemas['Decision'];
export type Reason = Schemas['Reason'];
export type BudgetLine = Schemas['BudgetLine'];
export type LaunchRequest = Schemas['LaunchRequest'];
export type Announcement = Schemas['Announcement'];
export type Token = Schemas['Token'];
export type LoginApprovalView = Schemas['LoginApprovalView'];
export type LaunchOptions = Schemas['LaunchOptions'];
export type InstanceTypeOption = Schemas['InstanceTypeOption'];
export type ImageOption = Schemas['ImageOption'];
export type GroupUsage = Schemas['GroupUsage'];
export type Usage = Schemas['Usage'];
export type Resources = Schemas['Resources'];
export type Scope = Schemas['Scope'];
export type LogBody = Schemas['LogPart'];
export type Job = Schemas['Job'];
export type JobCheck = Schemas['JobCheck'];
export type JobCounts = Schemas['JobCounts'];
export type JobSpec = Schemas['JobSpecInput'];
export type JobPhase = Job['phase'];
export type Attempt = Schemas['Attempt'];
export type QueuePlace = Schemas['QueuePlace'];
export type QueueEntry = Schemas['QueueEntry'];
export type Secret = Schemas['Secret'];
export type Group = Schemas['Group'];
export type Image = Schemas['Image'];
export type ImageCreate = Schemas['ImageCreate'];
export type Schedule = Schemas['Schedule'];
export type CronPreview = Schemas['CronPreview'];
export type Firing = Schemas['Firing'];
export type Artifact = Schemas['Artifact'];
export type Preview = Schemas['Preview'];
export type UsagePoint = Schemas['UsagePoint'];
/** What is left out stays as it is; the generated type asks for all of it. */
export type ScheduleUpdate = Schemas['ScheduleUpdate'];
export type Notifications = Schemas['Notifications'];
